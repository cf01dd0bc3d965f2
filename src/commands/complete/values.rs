//! The values of slots, from `lattice.toml`, branches and the state of this clone. What cannot be read has no values: completion
//! reports no errors, and contacts nothing.

use std::collections::BTreeSet;

use super::points::{branches, branches_of_points, has_value, points, split_list};
use super::slot::Slot;
use crate::commands::shared::operation::command_line;
use crate::commands::shared::session::Session;
use crate::config::Config;
use crate::context::Context;
use crate::git::Repo;
use crate::git::commit::time_at;
use crate::journal::{Entry, Journal, State};
use crate::lattice::{Offer, Point, Spelled};
use crate::note::Note;
use crate::ops::note;
use crate::ops::switch::Word;
use crate::ops::trust::Ledger;
use crate::points::census::Census;
use crate::points::names::Names;
use crate::system::System;
use crate::template::Template;
use crate::ui::format::next_fields;
use crate::ui::list::Field;

/// One way to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The text that replaces the word.
    pub value: String,
    /// What it means, in one line.
    pub help: Option<String>,
}

impl Candidate {
    /// Whether the word goes on after it: no space follows.
    pub(super) fn is_open(&self) -> bool {
        let is_listing = self.value.matches('{').count() > self.value.matches('}').count();
        self.value.ends_with(['/', '=']) || is_listing
    }

    /// Whether every shell takes the value as it stands. Some insert candidates without quoting, and the name of a fetched branch
    /// may be `x;command`.
    pub(super) fn is_plain(&self) -> bool {
        self.has_only("")
    }

    /// Whether every shell takes the value as it stands within quotes: it may be a format.
    pub(super) fn is_plain_in_quotes(&self) -> bool {
        self.has_only("() |")
    }

    fn has_only(&self, more: &str) -> bool {
        self.value.chars().all(|c| c.is_alphanumeric() || "._-+/@=,:%*{}".contains(c) || more.contains(c))
    }
}

impl From<String> for Candidate {
    fn from(value: String) -> Self {
        Self { value, help: None }
    }
}

/// A command line that is being completed.
pub(super) struct Asked<'a> {
    /// Opens the repository once.
    pub session: &'a Session,
    /// The words after `git lattice`.
    pub words: &'a [String],
}

impl Asked<'_> {
    /// The values of a slot that `current` can become.
    pub(super) fn values(&self, slot: &Slot, current: &str) -> Vec<Candidate> {
        let all = match slot {
            Slot::Template => plain(Template::ALL.map(|template| template.name().to_owned())),
            Slot::Arch => plain(System::ARCHS.map(str::to_owned)),
            Slot::Trusted => trusted(self.session),
            Slot::File => Vec::new(),
            _ => self
                .session
                .context()
                .ok()
                .and_then(|context| self.of_repository(context, slot, current))
                .unwrap_or_default(),
        };
        all.into_iter().filter(|candidate| candidate.value.starts_with(current)).collect()
    }

    fn of_repository(&self, context: &Context, slot: &Slot, current: &str) -> Option<Vec<Candidate>> {
        let repo = &context.repo;
        // Not `Session::config`, which prints warnings.
        let config = || context.config().ok();
        Some(match slot {
            Slot::Point => plain(existing(repo, &*config()?, current)),
            Slot::Destination => {
                let words = Word::ALL.map(|(name, _)| name.to_owned()).into_iter();
                let found = existing(repo, &*config()?, current);
                // Every branch begins with nothing.
                let mut others = if current.is_empty() { Vec::new() } else { branches(repo, current) };
                others.retain(|branch| !found.contains(branch));
                plain(words.chain(found).chain(others))
            }
            Slot::NewPoint => plain(points(repo, &*config()?, current, true)),
            Slot::Value(axis) => self.axis_values(context, &*config()?, axis, current, false)?,
            Slot::NewValue(axis) => self.axis_values(context, &*config()?, axis, current, true)?,
            Slot::Axis => {
                // clap splits at commas: `current` is the last value alone, the word has all.
                let word = self.words.last().map_or("", |word| word.rsplit('=').next().unwrap_or_default());
                let ((list, _), config) = (split_list(word), config()?);
                let axes = config.lattice.axes().iter().map(|axis| axis.name.to_string());
                plain(axes.filter(|axis| !has_value(list, axis)))
            }
            Slot::ValueOfAxis => {
                let (config, axis) = (config()?, self.words.get(2)?);
                let listed = config.lattice.axes()[config.lattice.axis_index(axis).ok()?].listed()?;
                plain(listed.iter().map(ToString::to_string))
            }
            Slot::Branch => plain(branches(repo, current)),
            Slot::Remote => plain(repo.remotes()),
            Slot::Note => self.notes(context, &*config()?)?,
            Slot::Format => plain(next_fields(current, Field::names(&*config()?))),
            Slot::Operation => {
                Journal::of(repo).read().ok()?.shown().filter(|it| it.state == State::Done).map(operation).collect()
            }
            Slot::Template | Slot::Arch | Slot::Trusted | Slot::File => Vec::new(),
        })
    }

    /// The notes of the points that the command line names, else of HEAD's, else of all.
    fn notes(&self, context: &Context, config: &Config) -> Option<Vec<Candidate>> {
        let census = Census::take(&context.repo, config).ok()?;
        let read = |word: &String| Spelled::from(word.as_str()).read(&config.lattice).ok();
        let mut points: Vec<Point> = self.words.iter().skip(1).filter_map(read).collect();
        if points.is_empty() {
            points.extend(context.head_point(config).ok()?);
        }
        if points.is_empty() {
            points.extend(census.population().points().cloned());
        }
        let notes = note::of(context, config, &census, &points).ok()?;
        let candidate =
            |note: &Note| Candidate { value: note.id.short(), help: Some(note.text.first_line().to_owned()) };
        Some(notes.values().flatten().map(candidate).collect())
    }

    /// The values of an axis; after `a,` and `a+` those that the list lacks.
    fn axis_values(
        &self,
        context: &Context,
        config: &Config,
        axis: &str,
        current: &str,
        has_new: bool,
    ) -> Option<Vec<Candidate>> {
        let lattice = &config.lattice;
        let i = lattice.axis_index(axis).ok()?;
        let is_listed = lattice.axes()[i].listed().is_some();
        let names = if is_listed { Names::default() } else { Names::list(&context.repo, config, |_| None).ok()? };
        let known: BTreeSet<&str> = names.texts(config).map(|texts| texts[i]).collect();
        let before = lattice.chain_before(i).and_then(|axis| self.text_on(context, config, axis));
        let offer = Offer { before: before.as_deref(), has_new: has_new || is_listed };
        let (list, _) = split_list(current);
        let values = lattice.offered(i, offer, &known).into_iter().filter(|value| !has_value(list, value));
        Some(plain(values.map(|value| format!("{list}{value}"))))
    }

    /// The text on an axis that the command line has, else HEAD's.
    fn text_on(&self, context: &Context, config: &Config, axis: usize) -> Option<String> {
        let flag = format!("--{}", config.lattice.axes()[axis].name);
        let mut given = self.words.iter().enumerate().filter_map(|(at, word)| match word.strip_prefix(&flag)? {
            "" => self.words.get(at + 1).cloned(),
            rest => rest.strip_prefix('=').map(str::to_owned),
        });
        let head =
            || context.head_point(config).ok().flatten().map(|point| config.lattice.texts(&point).swap_remove(axis));
        given.next_back().or_else(head)
    }
}

/// The existing points, else their branches.
fn existing(repo: &Repo, config: &Config, current: &str) -> Vec<String> {
    let found = points(repo, config, current, false);
    if found.is_empty() && !current.is_empty() { branches_of_points(repo, config, current) } else { found }
}

fn plain(values: impl IntoIterator<Item = String>) -> Vec<Candidate> {
    values.into_iter().map(Candidate::from).collect()
}

fn operation(entry: &Entry) -> Candidate {
    let operation = &entry.operation;
    let help = format!("{} {}", time_at(operation.time), command_line(operation));
    Candidate { value: operation.id.clone(), help: Some(help) }
}

fn trusted(session: &Session) -> Vec<Candidate> {
    let repo = session.context().ok().map(|context| &context.repo);
    let Ok(ledger) = Ledger::read(repo) else { return Vec::new() };
    let content = ledger.content.iter().map(|it| Candidate::from(it.point.to_string()));
    let authors = ledger.authors.iter().map(|it| Candidate { value: it.key.clone(), help: Some(it.comment.clone()) });
    content.chain(authors).chain(ledger.settings.iter().map(|it| it.repository.clone().into())).collect()
}
