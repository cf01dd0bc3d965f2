//! Parses strace's log of one start of a program, and names its calls unambiguously.

use std::collections::{HashMap, HashSet};

use super::{Call, ROOT, Trace};

/// Adds the write-like calls of one start to a trace of the sandbox at `root`.
pub(super) fn add(start: &str, log: &str, root: &str, trace: &mut Trace) {
    let mut by_name = Counts::default();
    let mut by_path = Counts::default();
    let mut on_pipes = HashSet::new();
    let before = trace.calls.len();
    for (process, name, arguments) in log.lines().filter_map(parse) {
        let path = path_in(arguments);
        let (nth, first) = by_name.count(process, name.to_owned());
        let on_path = path.map(|path| by_path.count(process, format!("{name} {path}")));
        if name.starts_with("open") && !arguments.contains("O_CREAT") {
            continue;
        }
        let call = |nth, path: Option<String>| Call {
            start: start.to_owned(),
            name: name.to_owned(),
            nth,
            path,
            on: path_in(arguments).map(|path| path.replace(root, ROOT)),
            on_pipe: false,
        };
        // strace counts per process: all processes seen so far reach this number.
        if is_pipe(arguments) {
            on_pipes.insert((name.to_owned(), nth));
        }
        match on_path {
            _ if first => trace.calls.push(call(nth, None)),
            Some((nth, true)) => trace.calls.push(call(nth, path.map(|path| path.replace(root, ROOT)))),
            _ => trace.unnamed += 1,
        }
    }
    for call in &mut trace.calls[before..] {
        call.on_pipe = call.path.is_none() && on_pipes.contains(&(call.name.clone(), call.nth));
    }
}

/// Whether the first argument is a descriptor of a pipe or socket, as strace -y shows it: `2<pipe:[123]>`.
fn is_pipe(arguments: &str) -> bool {
    let descriptor = arguments.trim_start_matches(|c: char| c.is_ascii_digit());
    ["<pipe:", "<socket:", "<UNIX"].iter().any(|kind| descriptor.starts_with(kind))
}

/// How often each process of a start made calls of a kind.
#[derive(Default)]
struct Counts {
    by_process: HashMap<(u32, String), usize>,
    most: HashMap<String, usize>,
}

impl Counts {
    /// The number of this call among those of its process, and whether no other process made as many before.
    fn count(&mut self, process: u32, kind: String) -> (usize, bool) {
        let count = self.by_process.entry((process, kind.clone())).or_default();
        *count += 1;
        let most = self.most.entry(kind).or_default();
        let first = *count > *most;
        *most = (*most).max(*count);
        (*count, first)
    }
}

/// The process, the name and the arguments of a call that begins in this line.
fn parse(line: &str) -> Option<(u32, &str, &str)> {
    let (process, rest) = line.split_once(' ')?;
    let (name, arguments) = rest.trim_start().split_once('(')?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((process.parse().ok()?, name, arguments))
}

/// The path of the call's descriptor, else the first path in its arguments, unless strace escaped a character in it. `-P` matches
/// both: the former as it is on disk, the latter as it is written.
fn path_in(arguments: &str) -> Option<&str> {
    let path = match arguments.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix('<') {
        Some(shown) => shown.split('>').next().filter(|path| path.starts_with('/')),
        None => arguments.split('"').nth(1),
    };
    path.filter(|path| !path.is_empty() && !path.contains('\\'))
}
