//! The calls of compilers that two builds made, as the output `calls` of each lists them: a file with one JSON object per line.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::Side;
use crate::config::Config;
use crate::context::Context;
use crate::git::Repo;
use crate::git::tree_diff::{FileChange, Leaf, LeafKind};
use crate::nix::{CALLS, Nix, StorePath};
use crate::ops::Cannot;
use crate::ops::alike::Translation;
use crate::ops::builds::{self, Job};
use crate::record::Records;
use crate::system::System;

/// A call of a program. Its duration is not compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Call {
    /// The program.
    pub program: String,
    /// Where it ran.
    #[serde(default)]
    pub directory: String,
    /// Its arguments, without the program.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The variables that it was given.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// The calls of two points on one system each, sorted, with store paths without their hashes.
#[derive(Debug, Clone)]
pub struct Calls {
    /// The system of the first point.
    pub from: System,
    /// The system of the second point.
    pub to: System,
    /// Those of the first point, at the coordinates of the second.
    pub before: Vec<Call>,
    /// Those of the second point.
    pub after: Vec<Call>,
}

impl Calls {
    /// The calls that only the first point makes, and those that only the second makes.
    pub fn changes(&self) -> (Vec<&Call>, Vec<&Call>) {
        let mut counts: BTreeMap<&Call, i64> = BTreeMap::new();
        self.before.iter().for_each(|call| *counts.entry(call).or_default() -= 1);
        self.after.iter().for_each(|call| *counts.entry(call).or_default() += 1);
        let only = |sign: i64| {
            let times = |count: i64| usize::try_from(count * sign).unwrap_or_default();
            counts.iter().flat_map(|(call, count)| std::iter::repeat_n(*call, times(*count))).collect()
        };
        (only(-1), only(1))
    }

    /// The lists as a changed text file; `None` if they are equal.
    pub(super) fn as_file(&self, memory: &Repo, path: &str) -> Result<Option<FileChange>> {
        if self.before == self.after {
            return Ok(None);
        }
        let leaf = |calls: &[Call]| -> Result<Option<Leaf>> {
            let text: String = calls.iter().map(Call::text).collect();
            Ok(Some(Leaf { kind: LeafKind::File, id: memory.write_blob(text.as_bytes())? }))
        };
        Ok(Some(FileChange { path: path.to_owned(), before: leaf(&self.before)?, after: leaf(&self.after)? }))
    }
}

/// Reads the calls of both points from the outputs of their recorded builds, system by system. Nothing is built.
///
/// # Errors
/// When a point has no recorded build with such an output, the output is not in the store of this machine or cannot be read, or there is
/// no usable Nix.
pub fn calls(context: &Context, config: &Config, from: &Side, to: &Side) -> Result<Vec<Calls>> {
    let nix = Nix::find()?;
    let records = Records::open(&context.repo)?;
    let jobs = |side: &Side| {
        Ok::<_, anyhow::Error>(builds::plan_at(context, config, &records, &side.named.point, side.commit)?.jobs)
    };
    let names = Translation::new(config, &from.named, &to.named);
    let (own, other) = (jobs(from)?, jobs(to)?);
    super::pairs(&own, &other, |job| &job.system)
        .map(|(own, other)| {
            let mut before = read(&nix, own)?;
            before.iter_mut().for_each(|call| call.edit(|text| names.translate(text)));
            before.sort();
            Ok(Calls { from: own.system.clone(), to: other.system.clone(), before, after: read(&nix, other)? })
        })
        .collect()
}

fn read(nix: &Nix, job: &Job) -> Result<Vec<Call>> {
    let (point, system) = (&job.named.spelled, &job.system);
    let output = job.known.as_ref().and_then(|record| record.outputs.get(CALLS));
    let none = || Cannot::NoCalls { point: point.to_string(), system: system.to_string() };
    let path: &StorePath = &output.ok_or_else(none)?.path;
    let gone = || Cannot::NotInStore { point: point.to_string(), path: path.to_string() };
    let text = nix.file(path)?.ok_or_else(gone)?;
    parse(&text).with_context(|| format!("could not read the calls of `{point}`, `{path}`"))
}

fn parse(text: &str) -> Result<Vec<Call>> {
    let mut calls = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let mut call: Call = serde_json::from_str(line)
            .with_context(|| format!("line {} is not a JSON object with a `program`", i + 1))?;
        call.edit(without_hashes);
        calls.push(call);
    }
    calls.sort();
    Ok(calls)
}

impl Call {
    fn edit(&mut self, edit: impl Fn(&str) -> String) {
        let texts = [&mut self.program, &mut self.directory].into_iter().chain(&mut self.arguments);
        texts.chain(self.environment.values_mut()).for_each(|text| *text = edit(text));
    }

    /// A block of lines, one per argument and variable.
    fn text(&self) -> String {
        let lines = std::iter::once(format!("{}\n", line(&self.program)));
        let directory = Some(&self.directory).filter(|it| !it.is_empty()).map(|it| format!("  in {}\n", line(it)));
        let arguments = self.arguments.iter().map(|it| format!("    {}\n", line(it)));
        let variables = self.environment.iter().map(|(name, value)| format!("  {name}={}\n", line(value)));
        lines.chain(directory).chain(arguments).chain(variables).collect()
    }
}

fn line(text: &str) -> String {
    text.replace('\n', "\\n")
}

/// The text with `/HASH-name` of store paths as `/...-name`: the hashes of all paths differ where one input does.
fn without_hashes(text: &str) -> String {
    const LENGTH: usize = 32;
    let (mut short, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('/') {
        let (head, tail) = rest.split_at(at + 1);
        short.push_str(head);
        let is_hash = |hash: &str| hash.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
        let hash = tail.get(..LENGTH).filter(|hash| is_hash(hash) && tail[LENGTH..].starts_with('-'));
        rest = if hash.is_some() { &tail[LENGTH..] } else { tail };
        short.push_str(hash.map_or("", |_| "..."));
    }
    short + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &[&str]) -> Call {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Call { program: "rustc".to_owned(), directory: String::new(), arguments, environment: BTreeMap::new() }
    }

    #[test]
    fn hashes_of_store_paths_do_not_count() {
        let path = "-L/nix/store/0c0mv2fbdb1xhsjmyf7rnwq0cmf9a8zq-gcc-12/lib:/nix/store/x-y/build";
        assert_eq!(without_hashes(path), "-L/nix/store/...-gcc-12/lib:/nix/store/x-y/build");
    }

    #[test]
    fn repeated_calls_are_counted() {
        let system = System::parse("x86_64-linux").unwrap();
        let (before, after) = (vec![call(&["a"]), call(&["b"])], vec![call(&["b"]), call(&["b"]), call(&["c"])]);
        let calls = Calls { from: system.clone(), to: system, before, after };
        let (b, c) = (call(&["b"]), call(&["c"]));
        assert_eq!(calls.changes(), (vec![&call(&["a"])], vec![&b, &c]));
    }

    #[test]
    fn bad_line_is_named() {
        let error = parse("{\"program\":\"rustc\",\"seconds\":1.5}\n\n{\"program\":1}\n").unwrap_err();
        assert!(error.to_string().starts_with("line 3 is not a JSON object"), "{error}");
    }
}
