//! A report of builds in the XML of `JUnit`, which services for continuous integration show.
//!
//! There is no standard; the schema of the xUnit plugin of Jenkins is the strictest one in use. It has no properties of a test case, so
//! key, commit and derivation are in its `system-out`.

mod xml;

use self::xml::Xml;
use crate::ops::builds::{Done, Job, Progress, Undecided};
use crate::record::{Record, Verdict};
use crate::ui::result::MISSING;

/// A report of builds: a suite per component, a case per point and system.
#[derive(Debug)]
pub struct Report {
    cases: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    point: String,
    system: String,
    key: String,
    commit: String,
    outcome: Outcome,
}

/// How a build ended.
#[derive(Debug)]
enum Outcome {
    /// It did not.
    None,
    Done(Box<Done>),
    Undecided(Box<Undecided>),
}

/// What the element of a case says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Passed,
    Failure,
    Error,
    Skipped,
}

impl Report {
    /// A report of these builds, none of which has ended.
    pub fn new<'j>(jobs: impl IntoIterator<Item = &'j Job>) -> Self {
        let case = |job: &Job| Case {
            point: job.named.spelled.to_string(),
            system: job.system.to_string(),
            key: job.key.to_string(),
            commit: job.commit.to_string(),
            outcome: Outcome::None,
        };
        Self { cases: jobs.into_iter().map(case).collect() }
    }

    /// Applies an event: how a build ended.
    pub fn apply(&mut self, progress: &Progress<'_>) {
        let (point, system, outcome) = match progress {
            Progress::End(done) => {
                (done.record.point.as_str(), done.record.system.as_str(), Outcome::Done(Box::new((*done).clone())))
            }
            Progress::Undecided(open) => {
                (open.point.as_str(), open.system.as_str(), Outcome::Undecided(Box::new((*open).clone())))
            }
            _ => return,
        };
        if let Some(case) = self.cases.iter_mut().find(|case| case.point == point && case.system == system) {
            case.outcome = outcome;
        }
    }

    /// The document. `error` is what ended the run, for builds that did not end.
    pub fn xml(&self, error: Option<&str>) -> String {
        let mut suites: Vec<(&str, Vec<&Case>)> = Vec::new();
        for case in &self.cases {
            match suites.iter_mut().find(|(component, _)| *component == case.component()) {
                Some((_, cases)) => cases.push(case),
                None => suites.push((case.component(), vec![case])),
            }
        }
        let mut xml = Xml::new();
        let all: Vec<_> = self.cases.iter().collect();
        let name = ("name", "git lattice build".to_owned());
        xml.open("testsuites", &[&[name], &totals(&all)[..]].concat());
        for (component, cases) in suites {
            let skipped = ("skipped", count(&cases, Kind::Skipped));
            xml.open("testsuite", &[&[("name", component.to_owned())], &totals(&cases)[..], &[skipped]].concat());
            cases.iter().for_each(|case| case.write(&mut xml, error));
            xml.close();
        }
        xml.finish()
    }
}

/// The attributes of a suite that count its cases.
fn totals(cases: &[&Case]) -> [(&'static str, String); 4] {
    let seconds = cases.iter().map(|case| case.seconds()).sum();
    [
        ("tests", cases.len().to_string()),
        ("failures", count(cases, Kind::Failure)),
        ("errors", count(cases, Kind::Error)),
        ("time", time(seconds)),
    ]
}

fn count(cases: &[&Case], kind: Kind) -> String {
    cases.iter().filter(|case| case.kind() == kind).count().to_string()
}

fn time(seconds: f64) -> String {
    format!("{seconds:.3}")
}

impl Case {
    /// The first coordinate of the point.
    fn component(&self) -> &str {
        self.point.split('/').next().unwrap_or_default()
    }

    /// The coordinates but the last one, joined as the package and class in Java.
    fn class(&self) -> String {
        self.point.rsplit_once('/').map_or(self.point.as_str(), |(before, _)| before).replace('/', ".")
    }

    fn kind(&self) -> Kind {
        match &self.outcome {
            Outcome::None | Outcome::Undecided(_) => Kind::Error,
            Outcome::Done(done) => match done.record.verdict {
                Verdict::Built | Verdict::Reproduced => Kind::Passed,
                Verdict::Failed | Verdict::Differs => Kind::Failure,
                Verdict::NoBuilder | Verdict::Cancelled => Kind::Skipped,
            },
        }
    }

    /// How long the builder ran in this run.
    fn seconds(&self) -> f64 {
        match &self.outcome {
            Outcome::Done(done) if done.fresh => done.record.seconds,
            _ => 0.0,
        }
    }

    fn write(&self, xml: &mut Xml, error: Option<&str>) {
        let name = format!("{} on {}", self.point, self.system);
        xml.open("testcase", &[("classname", self.class()), ("name", name), ("time", time(self.seconds()))]);
        match &self.outcome {
            Outcome::None => {
                let why = error.unwrap_or("the build did not end");
                xml.element("error", &[("type", "unknown".to_owned()), ("message", why.to_owned())], why);
            }
            Outcome::Undecided(open) => {
                let word = if open.missing.is_empty() { "unknown" } else { MISSING };
                let text = [std::slice::from_ref(&open.why), &open.hints[..]].concat().join("\n");
                xml.element("error", &[("type", word.to_owned()), ("message", open.why.clone())], &text);
            }
            Outcome::Done(done) => self.verdict(xml, done),
        }
        xml.element("system-out", &[], &self.facts());
        xml.close();
    }

    fn verdict(&self, xml: &mut Xml, done: &Done) {
        let Record { verdict, error, .. } = &done.record;
        let word = verdict.word().to_owned();
        let message = error.clone().unwrap_or_else(|| word.clone());
        match self.kind() {
            Kind::Failure => {
                let text = if done.tail.is_empty() { message.clone() } else { done.tail.join("\n") };
                xml.element("failure", &[("type", word), ("message", message)], &text);
            }
            Kind::Skipped => xml.element("skipped", &[("type", word), ("message", message)], ""),
            Kind::Passed | Kind::Error => {}
        }
    }

    /// What is known of the build, a line each.
    fn facts(&self) -> String {
        let mut facts = vec![format!("key: {}", self.key), format!("commit: {}", self.commit)];
        let mut add = |name: &str, value: &str| facts.push(format!("{name}: {value}"));
        let Outcome::Done(done) = &self.outcome else { return facts.join("\n") };
        let record = &done.record;
        record.drv.iter().for_each(|drv| add("derivation", drv.as_str()));
        record.outputs.iter().for_each(|(name, output)| add(&format!("output {name}"), output.path.as_str()));
        record.machine.iter().for_each(|machine| add("machine", machine));
        done.log.iter().for_each(|log| add("log", &log.display().to_string()));
        if !done.fresh {
            add("started", &format!("{} by {}@{}", record.started, record.user, record.host));
        }
        facts.join("\n")
    }
}
