//! Builds derivations: one call for all of them, so that nix distributes them to cores and builders.
//!
//! The log shows progress and to which build a line belongs. Whether an output exists is decided by the store: a valid path does. The
//! store is queried when something has ended, but not all the time.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::nix::ask::evaluate::Derivation;
use crate::nix::error::Error;
use crate::nix::exe::{Nix, PATHS_PER_CALL, TICK};
use crate::nix::options::Options;
use crate::nix::read::blame;
use crate::nix::read::diagnosis::Diagnosis;
use crate::nix::read::failure::Failure;
use crate::nix::read::graph::{Graph, base};
use crate::nix::read::internal_json::{Event, Reader, Work};
use crate::nix::read::outcome::{Outcome, Output};
use crate::nix::read::path_info::PathInfo;
use crate::nix::read::statement::derivation_in;
use crate::nix::run::log_files::LogFiles;
use crate::nix::run::times::{Over, RunTime, Times};
use crate::nix::store_path::StorePath;
use crate::process::Clock;

/// Maximum delay before an existing result is reported.
const MAX_DELAY: Duration = Duration::from_secs(1);
/// Querying the store takes at most this fraction (1/n) of the time.
const STORE_TIME_SHARE: u32 = 10;

/// An event of a build of many derivations. Indices refer to the list that was passed.
#[derive(Debug)]
pub enum Step<'a> {
    /// Nix printed something about these builds, as far as known.
    Event {
        /// The event.
        event: &'a Event,
        /// The builds concerned.
        about: &'a [usize],
    },
    /// These builds have finished.
    Finished(Vec<Finished>),
}

/// A finished build.
#[derive(Debug)]
pub struct Finished {
    /// Its index in the list that was passed.
    pub index: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// When its own builder ran; `None` if it did not run now: the output existed, was copied, or a dependency failed.
    pub ran: Option<RunTime>,
}

impl Nix {
    /// Builds all of `what`, continuing after failures. With a single derivation, `link` becomes a link that keeps its output from
    /// garbage collection; its directory must exist.
    ///
    /// # Errors
    /// When nix could not be run or was interrupted; builds that finished before have been reported.
    pub fn realise(
        &self,
        what: &[Derivation],
        link: Option<&Path>,
        options: &Options,
        on: &mut dyn FnMut(Step<'_>),
    ) -> Result<(), Error> {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, one) in what.iter().enumerate() {
            places.entry(base(one.drv.as_str())).or_default().push(i);
        }
        let mut work = Realising {
            nix: self,
            what,
            link: link.filter(|_| what.len() == 1),
            options,
            on,
            places,
            open: (0..what.len()).collect(),
            started: HashSet::new(),
            activities: HashMap::new(),
            graph: OnceCell::new(),
            times: Times::default(),
            log_files: LogFiles::new(self, options),
            done: [0; 2],
            has_changed: false,
            deferred: HashSet::new(),
            called: 0,
            last_query: Instant::now(),
            pause: MAX_DELAY,
        };
        work.run()
    }

    /// Creates links that keep paths from garbage collection, numbered like nix's: `link`, `link-2` and so on.
    ///
    /// # Errors
    /// When nix cannot create them.
    pub fn keep(&self, paths: &[&StorePath], link: &Path) -> Result<(), Error> {
        let cmd = self.store_cmd()?.arg("--realise").args(paths.iter().map(|path| path.as_str()));
        cmd.arg("--add-root").arg(link).arg("--indirect").read()?;
        Ok(())
    }
}

struct Realising<'a> {
    nix: &'a Nix,
    what: &'a [Derivation],
    link: Option<&'a Path>,
    options: &'a Options,
    on: &'a mut dyn FnMut(Step<'_>),
    /// Indices into `what` by base name of the derivation.
    places: HashMap<&'a str, Vec<usize>>,
    /// The builds that have not finished.
    open: BTreeSet<usize>,
    /// The builds whose builder was started.
    started: HashSet<usize>,
    /// The builds of each activity.
    activities: HashMap<u64, Vec<usize>>,
    graph: OnceCell<Graph>,
    /// When the builders ran.
    times: Times,
    log_files: LogFiles<'a>,
    /// The counts of builds and copies that nix reported.
    done: [u64; 2],
    /// Whether something ended since the store was queried.
    has_changed: bool,
    /// The builds that [`Realising::report_finished`] did not report although their outputs exist.
    deferred: HashSet<usize>,
    /// When nix was called, in seconds after 1970.
    called: u64,
    last_query: Instant,
    pause: Duration,
}

impl Realising<'_> {
    /// Runs nix once, and again for the rest if it stopped halfway.
    fn run(&mut self) -> Result<(), Error> {
        while !self.open.is_empty() {
            let before = self.open.len();
            for some in self.open.iter().copied().collect::<Vec<_>>().chunks(PATHS_PER_CALL) {
                self.call(some)?;
            }
            if self.open.len() == before {
                return Err(Error::unreadable("store --realise", &"it does not say how any build ended"));
            }
        }
        Ok(())
    }

    fn call(&mut self, some: &[usize]) -> Result<(), Error> {
        let (mut reader, mut diagnosis) = (Reader::default(), Diagnosis::of_build());
        (self.activities, self.times, self.done) = (HashMap::new(), Times::default(), [0; 2]);
        self.called = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let cmd = self.options.apply_store(self.nix.store_cmd()?.args(["--realise", "--keep-going"]));
        let cmd = self.options.apply(cmd);
        let cmd = self.link.iter().fold(cmd, |cmd, link| cmd.arg("--add-root").arg(link).arg("--indirect"));
        let cmd = cmd.args(["--log-format", "internal-json"]).args(self.wanted(some));
        let mut trouble = None;
        let (status, _) = cmd.listen(None, Some(TICK), |heard| {
            if let Some(event) = reader.hear(heard) {
                diagnosis.note(&event);
                self.note(&event).unwrap_or_else(|error| trouble = Some(error));
            }
            if self.has_changed && self.last_query.elapsed() >= self.pause {
                self.report_finished(false).unwrap_or_else(|error| trouble = Some(error));
            }
            Clock::Stop
        })?;
        self.times.find_stops(&self.log_files).iter().try_for_each(|stop| self.pass_on(stop))?;
        self.report_finished(true)?;
        trouble.map_or(Ok(()), Err)?;
        let rest: Vec<usize> = some.iter().copied().filter(|i| self.open.contains(i)).collect();
        if rest.is_empty() { Ok(()) } else { self.fail(&rest, status, &diagnosis) }
    }

    /// Returns the arguments `DRV!OUTPUT,..` without duplicates: other outputs need not be fetched.
    fn wanted(&self, some: &[usize]) -> Vec<String> {
        let one = |i: &usize| {
            let Derivation { drv, outputs } = &self.what[*i];
            let names: Vec<_> = outputs.iter().map(|(name, _)| name.as_str()).collect();
            format!("{drv}!{}", names.join(","))
        };
        let mut seen = HashSet::new();
        some.iter().map(one).filter(|one| seen.insert(one.clone())).collect()
    }

    fn note(&mut self, event: &Event) -> Result<(), Error> {
        let stops = self.times.missing_stops(event, &self.log_files);
        stops.iter().chain([event]).try_for_each(|event| self.pass_on(event))
    }

    fn pass_on(&mut self, event: &Event) -> Result<(), Error> {
        let about = self.about(event)?;
        self.times.note(event, |drv| self.places.contains_key(drv));
        match event {
            Event::BuildStarted { id, drv, .. } => {
                self.started.extend(self.places.get(base(drv.as_str())).into_iter().flatten());
                self.activities.insert(*id, about.clone());
            }
            Event::Stopped { id, .. } => self.has_changed |= self.activities.remove(id).is_some(),
            // Older versions stop the activities of the requested paths only at the very end.
            Event::Progress { work, done, .. } => {
                let known = &mut self.done[usize::from(*work == Work::Copies)];
                self.has_changed |= *done > *known;
                *known = *done;
            }
            _ => {}
        }
        (self.on)(Step::Event { event, about: &about });
        Ok(())
    }

    /// Returns the builds that an event is about.
    fn about(&self, event: &Event) -> Result<Vec<usize>, Error> {
        match event {
            Event::Silence => Ok(Vec::new()),
            _ if self.what.len() == 1 => Ok(vec![0]),
            Event::BuildStarted { drv, .. } => self.owners(drv),
            Event::LogLine { id, .. } | Event::Phase { id, .. } | Event::Stopped { id, .. } => {
                Ok(self.activities.get(id).cloned().unwrap_or_default())
            }
            Event::Message { text, .. } => derivation_in(text).map_or(Ok(Vec::new()), |drv| self.owners(&drv)),
            _ => Ok(Vec::new()),
        }
    }

    /// Returns the builds of this derivation; if there are none, the builds that need it most directly.
    fn owners(&self, drv: &StorePath) -> Result<Vec<usize>, Error> {
        if let Some(own) = self.places.get(base(drv.as_str())) {
            return Ok(own.clone());
        }
        let above = self.graph()?.wanted_above(drv, |name| self.places.contains_key(name));
        Ok(above.into_iter().filter_map(|name| self.places.get(name)).flatten().copied().collect())
    }

    fn graph(&self) -> Result<&Graph, Error> {
        if self.graph.get().is_none() {
            self.graph.set(self.nix.graph(self.what.iter().map(|one| &one.drv))?).ok();
        }
        self.graph.get().ok_or_else(|| Error::unreadable("derivation show", &"it is empty"))
    }

    /// Reports all builds whose outputs are in the store. Before the end, those whose start may not have been read yet wait for the
    /// next time.
    fn report_finished(&mut self, is_final: bool) -> Result<(), Error> {
        let began = Instant::now();
        let paths = self.open.iter().flat_map(|i| &self.what[*i].outputs).map(|(_, path)| path);
        let infos = self.nix.path_infos(paths, self.options)?;
        let output = |(name, path): &(String, StorePath)| {
            let nar_hash = infos.get(path)?.nar_hash.clone();
            Some(Output { name: name.clone(), path: path.clone(), nar_hash })
        };
        let built = |i: &usize| {
            let Derivation { drv, outputs } = &self.what[*i];
            let outputs = outputs.iter().map(output).collect::<Option<_>>()?;
            Some((*i, Outcome::Built { drv: drv.clone(), outputs }))
        };
        let mut over: Vec<_> = self.open.iter().filter_map(built).collect();
        let deferred = if is_final { HashSet::new() } else { self.unread(&over, &infos) };
        over.retain(|(i, _)| !deferred.contains(i));
        self.end(over, &infos);
        (self.has_changed, self.deferred) = (!deferred.is_empty(), deferred);
        self.last_query = Instant::now();
        self.pause = MAX_DELAY.max(began.elapsed() * STORE_TIME_SHARE);
        Ok(())
    }

    /// Returns the builds whose output is new, although no start of a builder has been read: it was copied, or Nix is ahead of us.
    fn unread(&self, over: &[(usize, Outcome)], infos: &HashMap<StorePath, PathInfo>) -> HashSet<usize> {
        let is_new = |i: &usize| {
            let Derivation { drv, outputs } = &self.what[*i];
            let registered = outputs.iter().find_map(|(_, path)| infos.get(path)?.registered);
            !self.times.has_started(drv) && !self.deferred.contains(i) && registered.is_none_or(|at| at >= self.called)
        };
        over.iter().map(|(i, _)| *i).filter(is_new).collect()
    }

    fn end(&mut self, over: Vec<(usize, Outcome)>, infos: &HashMap<StorePath, PathInfo>) {
        if over.is_empty() {
            return;
        }
        let one = |(i, outcome): &(usize, Outcome)| {
            let Derivation { drv, outputs } = &self.what[*i];
            let registered = outputs.iter().find_map(|(_, path)| infos.get(path)?.registered);
            Over { drv, is_good: Some(matches!(outcome, Outcome::Built { .. })), registered }
        };
        self.times.settle(&over.iter().map(one).collect::<Vec<_>>());
        let finished = |(index, outcome)| {
            self.open.remove(&index);
            Finished { index, outcome, ran: self.times.of(&self.what[index].drv) }
        };
        let finished = over.into_iter().map(finished).collect();
        (self.on)(Step::Finished(finished));
    }

    /// Reports the failures of the builds without outputs; those that were not started stay open.
    fn fail(&mut self, rest: &[usize], status: ExitStatus, diagnosis: &Diagnosis) -> Result<(), Error> {
        diagnosis.is_stopped(status)?;
        let open: Vec<_> = rest.iter().map(|i| (*i, &self.what[*i].drv)).collect();
        let mut found =
            if is_verdict(status) { blame::failures(diagnosis, &open, || self.graph())? } else { Vec::new() };
        // If no derivation is at fault, the trouble concerns all of them.
        if found.is_empty() {
            found = rest.iter().map(|i| (*i, diagnosis.trouble())).collect();
        }
        let (places, mut failures): (Vec<usize>, Vec<Failure>) = found.into_iter().unzip();
        self.nix.without_fetches(diagnosis, &mut failures)?;
        let over = places.into_iter().zip(failures.into_iter().map(Outcome::Failed));
        self.end(over.collect(), &HashMap::new());
        Ok(())
    }
}

/// Returns whether nix-store ended by itself: with 1, or with 100 and more (`Worker::failingExitStatus`); a daemon's failure gives 1.
fn is_verdict(status: ExitStatus) -> bool {
    matches!(status.code(), Some(1 | 100..=111))
}
