//! Parses `--log-format internal-json`, nix's log while it works.
//!
//! A line `@nix {json}` starts or stops an *activity*, reports its progress, or carries a message. Any other line is plain text, which
//! nix prints before its logger starts and when its stack overflows. Builders can write to the same stream, so no input is trusted:
//! invalid UTF-8 is replaced, and control characters are removed.

use std::collections::HashMap;

use serde_json::Value;

use crate::nix::store_path::StorePath;
use crate::process::OutputEvent;

/// Activity types (`src/libutil/logging.hh`).
mod activity {
    pub(in crate::nix) const COPY_PATH: u64 = 100;
    pub(in crate::nix) const FILE_TRANSFER: u64 = 101;
    pub(in crate::nix) const COPY_PATHS: u64 = 103;
    pub(in crate::nix) const BUILDS: u64 = 104;
    pub(in crate::nix) const BUILD: u64 = 105;
    pub(in crate::nix) const SUBSTITUTE: u64 = 108;
    pub(in crate::nix) const FETCH_TREE: u64 = 112;
}

/// Result types (`src/libutil/logging.hh`).
mod result {
    pub(in crate::nix) const BUILD_LOG_LINE: u64 = 101;
    pub(in crate::nix) const SET_PHASE: u64 = 104;
    pub(in crate::nix) const PROGRESS: u64 = 105;
    pub(in crate::nix) const POST_BUILD_LOG_LINE: u64 = 107;
}

/// The unit of an [`Event::Progress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Derivations.
    Builds,
    /// Store paths that are substituted or copied.
    Copies,
}

/// An event in nix's log. Texts contain no control characters except newline and tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A builder was started.
    BuildStarted {
        /// The activity.
        id: u64,
        /// The derivation.
        drv: StorePath,
        /// The remote builder's store; `None` for this machine.
        machine: Option<String>,
    },
    /// A line of a builder's log.
    LogLine {
        /// The activity.
        id: u64,
        /// The line.
        text: String,
    },
    /// A builder began a phase, such as `installPhase`.
    Phase {
        /// The activity.
        id: u64,
        /// The phase.
        name: String,
    },
    /// Progress of the whole work.
    Progress {
        /// The activity.
        id: u64,
        /// The unit.
        work: Work,
        /// Finished.
        done: u64,
        /// The total, as far as known.
        expected: u64,
        /// Running.
        running: u64,
        /// Failed.
        failed: u64,
    },
    /// A path is substituted, or copied to or from a builder.
    Substitute {
        /// The activity.
        id: u64,
        /// The path.
        path: String,
        /// Where it comes from.
        from: String,
    },
    /// Something is downloaded or fetched.
    Fetch {
        /// The activity.
        id: u64,
        /// Nix's description, or a URL.
        what: String,
    },
    /// Another named activity, such as an evaluation.
    Doing {
        /// The activity.
        id: u64,
        /// Its description.
        text: String,
    },
    /// An activity ended, with or without success.
    Stopped {
        /// The activity.
        id: u64,
        /// Whether its builder succeeded, if that is known. Nix does not say it here.
        is_good: Option<bool>,
    },
    /// A message.
    Message {
        /// 0 is an error, 1 a warning, 3 normal, higher levels are details.
        level: u64,
        /// The whole text.
        text: String,
        /// The error without trace and position. Only Nix's own errors have it; messages of builders and daemons do not.
        brief: Option<String>,
    },
    /// A line that is not JSON of nix.
    Plain(String),
    /// Nothing for a moment: not from nix, but for listeners that show how time passes.
    Silence,
}

/// Parses lines in order.
#[derive(Debug, Default)]
pub(in crate::nix) struct Reader {
    counted: HashMap<u64, Work>,
}

impl Reader {
    /// Returns the event of what was heard from nix.
    pub(in crate::nix) fn hear(&mut self, heard: OutputEvent<'_>) -> Option<Event> {
        match heard {
            OutputEvent::Line(line) => self.read(line),
            OutputEvent::Silence => Some(Event::Silence),
        }
    }

    /// Parses a line; `None` if it is empty or an event that is not needed.
    pub(in crate::nix) fn read(&mut self, line: &[u8]) -> Option<Event> {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\n', '\r']);
        let json = line.strip_prefix("@nix ").and_then(|json| serde_json::from_str::<Value>(json).ok());
        match json {
            Some(value) => self.event(&value),
            None if line.trim().is_empty() => None,
            None => Some(Event::Plain(plain(line))),
        }
    }

    fn event(&mut self, value: &Value) -> Option<Event> {
        match value.get("action")?.as_str()? {
            "start" => self.started(value),
            "result" => self.result(value),
            "stop" => {
                let id = number(value, "id")?;
                self.counted.remove(&id);
                Some(Event::Stopped { id, is_good: None })
            }
            "msg" => Some(Event::Message {
                level: number(value, "level")?,
                text: text(value.get("msg")?)?,
                brief: value.get("raw_msg").and_then(text),
            }),
            _ => None,
        }
    }

    fn started(&mut self, value: &Value) -> Option<Event> {
        let id = number(value, "id")?;
        let description = || text(value.get("text")?).filter(|text| !text.is_empty());
        match number(value, "type")? {
            activity::BUILD => {
                let drv = StorePath::parse(&text(field(value, 0)?)?).ok()?;
                let machine = field(value, 1).and_then(text).filter(|machine| !machine.is_empty());
                Some(Event::BuildStarted { id, drv, machine })
            }
            activity::BUILDS => Some(self.count(id, Work::Builds)),
            activity::COPY_PATHS => Some(self.count(id, Work::Copies)),
            activity::SUBSTITUTE | activity::COPY_PATH => {
                let from = field(value, 1).and_then(text).unwrap_or_default();
                Some(Event::Substitute { id, path: text(field(value, 0)?)?, from })
            }
            activity::FILE_TRANSFER => {
                Some(Event::Fetch { id, what: field(value, 0).and_then(text).or_else(description)? })
            }
            activity::FETCH_TREE => Some(Event::Fetch { id, what: description()? }),
            _ => Some(Event::Doing { id, text: description()? }),
        }
    }

    /// Starts a new group of counters at zero; their presence shows that evaluation is over.
    fn count(&mut self, id: u64, work: Work) -> Event {
        self.counted.insert(id, work);
        Event::Progress { id, work, done: 0, expected: 0, running: 0, failed: 0 }
    }

    fn result(&self, value: &Value) -> Option<Event> {
        let id = number(value, "id")?;
        let first = || field(value, 0).and_then(text);
        match number(value, "type")? {
            result::BUILD_LOG_LINE | result::POST_BUILD_LOG_LINE => Some(Event::LogLine { id, text: first()? }),
            result::SET_PHASE => Some(Event::Phase { id, name: first()? }),
            result::PROGRESS => {
                let work = *self.counted.get(&id)?;
                let n = |index| field(value, index)?.as_u64();
                Some(Event::Progress { id, work, done: n(0)?, expected: n(1)?, running: n(2)?, failed: n(3)? })
            }
            _ => None,
        }
    }
}

fn number(value: &Value, name: &str) -> Option<u64> {
    value.get(name)?.as_u64()
}

fn field(value: &Value, index: usize) -> Option<&Value> {
    value.get("fields")?.get(index)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(plain)
}

/// Removes escape sequences (colours, links, titles) and control characters except newline and tab.
#[must_use]
pub(in crate::nix) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Skips an escape sequence (ECMA-48): after `ESC [` up to a final byte `@` to `~`; after `ESC ]` and similar up to BEL or `ESC \`; else
/// one character.
fn skip_sequence(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next().is_none_or(|c| c == '\\')) {
                    break;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::nix) fn events(bytes: &[u8]) -> Vec<Event> {
        let mut reader = Reader::default();
        bytes.split(|&b| b == b'\n').filter_map(|line| reader.read(line)).collect()
    }

    #[test]
    fn both_versions_report_a_failed_build() {
        for captured in [&include_bytes!("../captured/fail-2.8.log")[..], include_bytes!("../captured/fail-2.34.log")] {
            let events = events(captured);
            let log: Vec<&str> = events
                .iter()
                .filter_map(|event| if let Event::LogLine { text, .. } = event { Some(text.as_str()) } else { None })
                .collect();
            assert_eq!(log, ["one", "two"]);
            let started =
                |e: &Event| matches!(e, Event::BuildStarted { drv, machine: None, .. } if drv.name() == "bad.drv");
            assert_eq!(events.iter().filter(|e| started(e)).count(), 1);
            assert!(
                events.iter().any(|e| matches!(e, Event::Progress { work: Work::Builds, failed: 1, .. })),
                "the failure is counted"
            );
            assert!(
                events
                    .iter()
                    .any(|e| matches!(e, Event::Message { level: 0, text, .. } if text.starts_with("error: ")))
            );
        }
    }

    #[test]
    fn parses_machines_phases_and_paths() {
        let said = br#"@nix {"action":"start","fields":["/nix/store/190dcwls8d1n1anspzqi3hrl025y56cn-bad.drv","ssh://a",1,1],"id":1,"type":105}
@nix {"action":"result","fields":["buildPhase"],"id":1,"type":104}
@nix {"action":"start","fields":["/nix/store/x","https://cache"],"id":2,"type":108}
@nix {"action":"start","fields":["https://x.org/f"],"id":3,"text":"downloading","type":101}
@nix {"action":"start","id":4,"text":"fetching Git repository","type":112}"#;
        let events = events(said);
        assert!(matches!(&events[0], Event::BuildStarted { machine: Some(m), .. } if m == "ssh://a"), "{events:?}");
        assert_eq!(events[1], Event::Phase { id: 1, name: "buildPhase".into() });
        assert_eq!(events[2], Event::Substitute { id: 2, path: "/nix/store/x".into(), from: "https://cache".into() });
        assert_eq!(events[3], Event::Fetch { id: 3, what: "https://x.org/f".into() });
        assert_eq!(events[4], Event::Fetch { id: 4, what: "fetching Git repository".into() });
    }

    #[test]
    fn hostile_lines_are_plain_text_or_ignored() {
        let mut reader = Reader::default();
        assert_eq!(reader.read(b"@nix {\n"), Some(Event::Plain("@nix {".into())));
        assert_eq!(
            reader.read(b"\x1b[31merr\xff\x00or\x1b]0;title\x07!\x1b"),
            Some(Event::Plain("err\u{fffd}or!".into()))
        );
        let nothing: [&[u8]; 9] = [
            b"",
            b"\r\n",
            b"@nix []",
            b"@nix null",
            br#"@nix {"action":7}"#,
            br#"@nix {"action":"start","id":-1,"type":105}"#,
            br#"@nix {"action":"start","id":1,"type":105,"fields":["../x",""]}"#,
            br#"@nix {"action":"result","id":9,"type":105,"fields":[1,2,3,4]}"#,
            br#"@nix {"action":"msg","level":"0","msg":{}}"#,
        ];
        for line in nothing {
            assert_eq!(reader.read(line), None, "{}", String::from_utf8_lossy(line));
        }
        let deep = format!("@nix {}", "[".repeat(100_000));
        assert!(matches!(reader.read(deep.as_bytes()), Some(Event::Plain(_))), "deep nesting must not end the process");
    }

    #[test]
    fn removes_whole_escape_sequences() {
        assert_eq!(
            plain("\u{1b}[31;1merror:\u{1b}[0m a\tb\n\u{1b}]8;;http://x\u{1b}\\link\u{1b}(Bc\r"),
            "error: a\tb\nlinkBc"
        );
    }
}
