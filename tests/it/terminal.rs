//! A terminal: what is on its screen after a program has printed.

use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;

use crate::sandbox::Sandbox;

/// The screen of a terminal with lines of any length.
#[derive(Default)]
pub(crate) struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// The most lines that were drawn over at once.
    pub(crate) most_redrawn: usize,
}

impl Screen {
    /// The screen after this output. Only colours, links and moving up and erasing are known: other sequences would have to be taken
    /// back at the end.
    pub(crate) fn after(output: &str) -> Self {
        let (mut screen, mut rest) = (Self::default(), output);
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '\r' => screen.column = 0,
                '\n' => (screen.row, screen.column) = (screen.row + 1, 0),
                '\u{1b}' => {
                    static SEQUENCE: LazyLock<Regex> =
                        LazyLock::new(|| Regex::new(r"^\[(\d*)([AJK])|^\[[\d;]*m").unwrap());
                    let found = SEQUENCE.captures(rest).unwrap_or_else(|| panic!("another sequence in {output:?}"));
                    let count = found.get(1).map_or(0, |count| count.as_str().parse().unwrap_or(0));
                    screen.obey(found.get(2).map(|it| it.as_str()), count);
                    rest = &rest[found[0].len()..];
                }
                c => screen.put(c),
            }
        }
        screen
    }

    fn obey(&mut self, command: Option<&str>, count: usize) {
        let (row, column) = (self.row, self.column);
        match command {
            Some("A") => {
                self.row = row.saturating_sub(count);
                self.most_redrawn = self.most_redrawn.max(count);
            }
            Some("K") => self.line().truncate(column),
            Some("J") => {
                self.line().truncate(column);
                self.lines.truncate(row + 1);
            }
            _ => {}
        }
    }

    fn put(&mut self, c: char) {
        let column = self.column;
        let line = self.line();
        line.resize(line.len().max(column + 1), ' ');
        line[column] = c;
        self.column += 1;
    }

    fn line(&mut self) -> &mut Vec<char> {
        self.lines.resize(self.lines.len().max(self.row + 1), Vec::new());
        &mut self.lines[self.row]
    }

    /// The output without colours.
    pub(crate) fn plain(output: &str) -> String {
        static COLOR: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\x1b\[[\d;]*m").unwrap());
        COLOR.replace_all(output, "").into_owned()
    }

    /// The lines, without spaces at their ends.
    pub(crate) fn text(&self) -> String {
        let line = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned();
        self.lines.iter().map(line).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

/// What a shell script prints on a terminal of this size, in which `git-lattice` can be called. script(1) of util-linux provides the
/// terminal, and the variable `STTY` names stty(1). `keys` is a shell script that prints what is typed.
pub(crate) fn run(
    sandbox: &Sandbox,
    (columns, rows): (usize, usize),
    terminal: &str,
    script: &str,
    keys: &str,
) -> String {
    let program = |name: &str| which::which(name).unwrap_or_else(|_| panic!("{name}(1) is needed for this test"));
    let size = format!("{} cols {columns} rows {rows}", program("stty").display());
    let mut command = Command::new(program("script"));
    command.args(["-qec", &format!("{size}; {script}"), "/dev/null"]).current_dir(sandbox.work());
    sandbox.environment(&mut command);
    command.env("TERM", terminal).env("SHELL", "/bin/sh").env("STTY", program("stty"));
    let mut typist = Command::new("sh").args(["-c", keys]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let output = command.stdin(typist.stdout.take().unwrap()).output().unwrap().stdout;
    typist.kill().ok();
    typist.wait().unwrap();
    String::from_utf8_lossy(&output).into_owned()
}
