//! Speaking to a remote: what it has, fetching and pushing by exact names.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::exe::Git;
use super::names::{self, BranchName};
use super::work::Work;
use super::{Change, Error, Oid, Repo, Result, parse_oid};
use crate::process::{self, Cmd, Output};

/// How many refs one `git push` is given: a command line has room for some more.
const MOST_PUSHED: usize = 4000;

/// What a push did to one ref (git-push(1), `--porcelain`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The full name of the remote's ref.
    pub name: String,
    /// Whether it had that already.
    pub same: bool,
    /// Why it was refused; `None` when it is there now.
    pub refused: Option<String>,
}

/// What is where a remote is pushed to, if that is not where it is fetched from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushPlaces {
    /// What all places have, by its full name.
    pub everywhere: HashMap<String, Oid>,
    /// The names that one of them has.
    pub somewhere: HashSet<String>,
}

/// What came of a push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushReport {
    /// Ref by ref.
    pub refs: Vec<Pushed>,
    /// What the remote's hooks said, line by line.
    pub said: Vec<String>,
}

impl Git {
    /// Pushes `branches` to `remote`, and the ref `notes` with them; all or none. With `sets_upstream` a single one becomes a branch
    /// whose upstream that is.
    ///
    /// # Errors
    /// When git cannot reach the remote, or nothing moves for `still`; a refusal is in the answer.
    pub fn push(
        &self,
        remote: &str,
        branches: &[BranchName],
        notes: Option<&str>,
        sets_upstream: bool,
        still: Duration,
    ) -> Result<PushReport> {
        // For many, git would rewrite its configuration once for each.
        let upstream = (sets_upstream && branches.len() == 1).then_some("--set-upstream");
        let names = branches.iter().map(BranchName::full_ref).chain(notes.map(str::to_owned));
        let work = Work::Push(remote.to_owned(), branches.first().filter(|_| upstream.is_some()).cloned());
        self.push_with(&work, &[Some("--atomic"), upstream], remote, names, still)
    }

    /// Pushes refs by their full names, each for itself: what is refused keeps no other back.
    ///
    /// # Errors
    /// When git cannot reach the remote, or nothing moves for `still`; a refusal is in the answer.
    pub fn push_each(&self, remote: &str, names: &[String], still: Duration) -> Result<PushReport> {
        let mut report = PushReport::default();
        for names in names.chunks(MOST_PUSHED) {
            let options = [Some("--no-follow-tags"), Some("--recurse-submodules=no")];
            let work = Work::Push(remote.to_owned(), None);
            let PushReport { refs, said } = self.push_with(&work, &options, remote, names.iter().cloned(), still)?;
            report.refs.extend(refs);
            report.said.extend(said);
        }
        Ok(report)
    }

    /// Moves refs of a remote, all or none, and each only where the remote has exactly what is expected there.
    ///
    /// # Errors
    /// When git cannot reach the remote; a refusal is in the answer.
    pub fn push_leased(&self, remote: &str, changes: &[Change], still: Duration) -> Result<PushReport> {
        let hex = |id: Option<Oid>| id.map(|id| id.to_string()).unwrap_or_default();
        let lease = |change: &Change| format!("--force-with-lease={}:{}", change.name, hex(change.old));
        let cmd =
            self.asking(remote, still).args(["push", "--porcelain", "--progress", "--atomic", "--no-follow-tags"]);
        let cmd = cmd.args(changes.iter().map(lease)).arg(remote);
        let cmd = cmd.args(changes.iter().map(|change| format!("{}:{}", hex(change.new), change.name)));
        self.read_push(&Work::Push(remote.to_owned(), None), cmd)
    }

    fn push_with(
        &self,
        work: &Work,
        options: &[Option<&str>],
        remote: &str,
        names: impl Iterator<Item = String>,
        still: Duration,
    ) -> Result<PushReport> {
        let names: Vec<_> = names.collect();
        let push = |spell: &dyn Fn(&String) -> Result<String>| {
            let cmd = self.asking(remote, still).args(["push", "--porcelain", "--progress"]);
            let names = names.iter().map(spell).collect::<Result<Vec<_>>>()?;
            self.read_push(
                work,
                cmd.args(options.iter().flatten()).arg(remote).args(names.iter().map(|it| format!("{it}:{it}"))),
            )
        };
        let report = push(&|name| Ok(name.clone()));
        if is_taken_for_a_tag(&report, &names) { push(&|name| self.only_pattern(name)) } else { report }
    }

    /// A refspec's pattern that fits this ref alone. A full name also fits the tag of that name, `refs/tags/refs/heads/x`, here or on
    /// the remote, and git then pushes neither; a pattern does not.
    fn only_pattern(&self, name: &str) -> Result<String> {
        let refs = self.list_refs(&[names::HEADS.to_owned(), "refs/notes/".to_owned()])?.refs;
        let only = (names::HEADS.len() + 1..=name.len())
            .filter(|at| name.is_char_boundary(*at))
            .map(|at| name.split_at(at))
            .find(|(a, b)| {
                let fits = |full: &str| full.strip_prefix(a).is_some_and(|rest| rest.ends_with(b));
                refs.iter().filter(|(full, _)| fits(full)).count() == 1
            });
        Ok(only.map_or_else(|| name.to_owned(), |(a, b)| format!("{a}*{b}")))
    }

    /// Runs `git push --porcelain` and reads what it did to each ref.
    fn read_push(&self, work: &Work, cmd: Cmd) -> Result<PushReport> {
        let command = cmd.to_string();
        let output = self.during(work, || cmd.output())?;
        let refs: Vec<_> = output.text().lines().filter_map(push_line).collect();
        if output.status.success() || !refs.is_empty() {
            let stderr = words(&output.stderr);
            let said = stderr.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim_end);
            return Ok(PushReport { refs, said: said.map(str::to_owned).collect() });
        }
        let Output { status, stdout, stderr } = output;
        Err(process::Error::Failed { command, status, stdout, stderr: words(&stderr).into_bytes() }.into())
    }

    /// What the remote has under these patterns, as it is now.
    ///
    /// # Errors
    /// When git cannot reach the remote, or nothing moves for `still`.
    pub fn remote_refs(&self, remote: &str, patterns: &[String], still: Duration) -> Result<HashMap<String, Oid>> {
        let output = self.asking(remote, still).args(["ls-remote", "--refs", "--", remote]).args(patterns).read()?;
        let line = |line: &str| line.split_once('\t').map(|(id, name)| Ok((name.to_owned(), parse_oid(id)?)));
        output.text().lines().filter_map(line).collect()
    }

    /// The URLs that a remote is pushed to, where one of them is not the one that it is fetched from.
    ///
    /// # Errors
    /// When git cannot be run.
    fn other_push_urls(&self, remote: &str) -> Result<Option<(String, Vec<String>)>> {
        let urls = |options: &[&str]| self.read().args(["remote", "get-url"]).args(options).arg(remote).read();
        let fetched = urls(&[])?.text();
        let pushed: Vec<_> = urls(&["--push", "--all"])?.text().lines().map(str::to_owned).collect();
        Ok(pushed.iter().any(|url| *url != fetched).then_some((fetched, pushed)))
    }

    /// Whether the remote answers at all; it is not asked for a password where it wants one.
    ///
    /// # Errors
    /// When git cannot reach the remote, or nothing moves for `still`.
    pub fn answers(&self, remote: &str, still: Duration) -> process::Result<()> {
        let cmd = self.asking(remote, still).env("GIT_TERMINAL_PROMPT", "0");
        cmd.args(["ls-remote", "--heads", "--quiet", "--", remote, "lattice-doctor"]).read().map(drop)
    }

    /// Fetches by exactly these refspecs, whatever the configuration says, all or none.
    ///
    /// # Errors
    /// When git cannot reach the remote, a ref is not there any more, or nothing moves for `still`.
    pub fn fetch(&self, remote: &str, refspecs: &[String], still: Duration) -> Result<()> {
        // --refmap=: a configured `+refs/notes/*:refs/notes/*` would take away records that were not pushed.
        let exactly = ["--refmap=", "--no-tags", "--no-prune", "--recurse-submodules=no", "--no-write-fetch-head"];
        // --quiet leaves out what was fetched, --progress tells that something moves.
        let cmd = self.asking(remote, still).args(["fetch", "--quiet", "--progress", "--atomic", "--stdin"]);
        let cmd = cmd.args(exactly).arg(remote).stdin(refspecs.join("\n") + "\n");
        match self.during(&Work::Fetch(remote.to_owned()), || cmd.read()) {
            Err(process::Error::Failed { command, status, stdout, stderr }) => {
                Err(process::Error::Failed { command, status, stdout, stderr: words(&stderr).into_bytes() }.into())
            }
            read => Ok(read.map(drop)?),
        }
    }

    /// Without a terminal nobody can answer; with one, ssh and credential helpers may ask there by themselves.
    pub(super) fn asking(&self, remote: &str, still: Duration) -> Cmd {
        self.read().env_remove("GIT_TERMINAL_PROMPT").may_ask().stall_limit(still, format!("the remote `{remote}`"))
    }
}

/// Whether git could not tell a ref from a tag that has its full name (remote.c, `match_explicit`), or meant the tag.
fn is_taken_for_a_tag(report: &Result<PushReport>, names: &[String]) -> bool {
    match report {
        Ok(report) => report.refs.iter().any(|pushed| !names.contains(&pushed.name)),
        Err(Error::Exe(process::Error::Failed { stderr, .. })) => {
            String::from_utf8_lossy(stderr).contains("matches more than one")
        }
        Err(_) => false,
    }
}

/// What git said of a transfer, without its progress.
fn words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    // Each state of the progress is written over the last one.
    let line = |line: &str| line.trim_end().rsplit('\r').next().unwrap_or_default().to_owned();
    text.lines().map(line).filter(|line| !is_progress(line)).collect::<Vec<_>>().join("\n")
}

/// `Writing objects: 100% (3/3), 250 bytes, done.` and what is said beside it (progress.c, pack-objects.c); the remote's too.
fn is_progress(line: &str) -> bool {
    let line = line.strip_prefix("remote: ").unwrap_or(line).trim();
    let is_count = |(title, rest): (&str, &str)| {
        let is_title = title.starts_with(|c: char| c.is_ascii_uppercase())
            && title.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
        let number = rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        is_title && number.len() < rest.trim_start().len() && (number.starts_with("% (") || number.ends_with("done."))
    };
    line.split_once(':').is_some_and(is_count)
        || line.starts_with("Delta compression using ")
        || (line.starts_with("Total ") && line.contains(" (delta "))
}

impl Repo {
    /// What is under these patterns where a remote is pushed to, if that is not where it is fetched from (`remote.NAME.pushurl`).
    /// `fetched` is what is under them where it is fetched from.
    ///
    /// # Errors
    /// When git cannot reach such a place.
    pub fn push_refs(
        &self,
        remote: &str,
        patterns: &[String],
        fetched: &HashMap<String, Oid>,
        still: Duration,
    ) -> Result<Option<PushPlaces>> {
        if self.config_all(&format!("remote.{remote}.pushurl")).is_empty() {
            return Ok(None);
        }
        let Some((own, urls)) = self.git().other_push_urls(remote)? else { return Ok(None) };
        let mut places = PushPlaces::default();
        for (i, url) in urls.iter().enumerate() {
            let refs = if *url == own { fetched.clone() } else { self.git().remote_refs(url, patterns, still)? };
            places.somewhere.extend(refs.keys().cloned());
            if i == 0 {
                places.everywhere = refs;
            } else {
                places.everywhere.retain(|name, id| refs.get(name) == Some(id));
            }
        }
        Ok(Some(places))
    }

    /// Makes `remote` the upstream of a branch, as the killed push was to do, where the push itself went through.
    ///
    /// # Errors
    /// When refs or the configuration cannot be read or written.
    pub fn finish_upstream(&self, remote: &str, branch: &BranchName) -> Result<()> {
        let tip = self.branch_tip(branch)?;
        if tip.is_none() || self.tracking_tip(branch, remote)? != tip {
            return Ok(());
        }
        for (key, value) in [("remote", remote.to_owned()), ("merge", branch.full_ref())] {
            let key = format!("branch.{branch}.{key}");
            if self.git.local_config(&key)?.is_empty() {
                self.git.set_config(&key, &value)?;
            }
        }
        Ok(())
    }

    /// Whether an ordinary `git fetch` keeps what the remote has under this branch as `REMOTE/BRANCH`: a clone of a single branch has
    /// no refspec for others.
    pub fn tracks(&self, remote: &str, branch: &str) -> bool {
        let (from, to) = (names::full(branch), names::tracking_under(remote, branch));
        let refspecs = self.config_all(&format!("remote.{remote}.fetch"));
        refspecs.iter().any(|refspec| maps(refspec, &from).is_some_and(|mapped| mapped == to))
    }

    /// The command that brings a branch of the remote to `REMOTE/BRANCH`; without a branch, all of them.
    pub fn fetch_command(&self, remote: &str, branch: Option<&str>) -> String {
        // A branch that no clone has by its own name is fetched where all are.
        if self.tracks(remote, branch.unwrap_or("*")) {
            return format!("git fetch {}", process::quote(remote));
        }
        let (remote, branch) = (process::quote(remote), process::quote(branch.unwrap_or("*")));
        let add = if branch == "'*'" { "" } else { "--add " };
        format!("git remote set-branches {add}{remote} {branch} && git fetch {remote}")
    }
}

/// Where a refspec puts a ref of the remote; nowhere when it is about others.
fn maps(refspec: &str, name: &str) -> Option<String> {
    let (from, to) = refspec.trim_start_matches('+').split_once(':')?;
    let Some((before, after)) = from.split_once('*') else { return (from == name).then(|| to.to_owned()) };
    let matched = name.strip_prefix(before)?.strip_suffix(after)?;
    Some(to.replacen('*', matched, 1))
}

/// `FLAG \t FROM:TO \t SUMMARY (REASON)`: `!` is a refusal, `=` was there already, everything else is done.
fn push_line(line: &str) -> Option<Pushed> {
    let mut fields = line.splitn(3, '\t');
    let (flag, refs, summary) = (fields.next()?, fields.next()?, fields.next()?);
    let name = refs.split_once(':')?.1.to_owned();
    Some(Pushed { name, same: flag == "=", refused: (flag == "!").then(|| summary.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::{maps, words};

    #[test]
    fn refspecs_say_where_a_ref_is_kept() {
        let kept = |refspec| maps(refspec, "refs/heads/f/x");
        assert_eq!(kept("+refs/heads/*:refs/remotes/o/*").as_deref(), Some("refs/remotes/o/f/x"));
        assert_eq!(kept("refs/heads/f/*:refs/remotes/o/f/*").as_deref(), Some("refs/remotes/o/f/x"));
        assert_eq!(kept("+refs/heads/f/x:refs/remotes/o/f/x").as_deref(), Some("refs/remotes/o/f/x"));
        for none in
            ["+refs/heads/main:refs/remotes/o/main", "refs/heads/f/x", "^refs/heads/f/*", "+refs/notes/*:refs/notes/*"]
        {
            assert_eq!(kept(none), None, "{none}");
        }
    }

    #[test]
    fn progress_is_not_among_the_words() {
        let said = "Enumerating objects: 5, done.\nCounting objects:  20% (1/5)\rCounting objects: 100% (5/5), done.\n\
            Delta compression using up to 2 threads\nWriting objects: 100% (3/3), 250 bytes | 250.00 KiB/s, done.\n\
            Total 3 (delta 0), reused 0 (delta 0), pack-reused 0\nremote: Resolving deltas: 100% (1/1), completed with 1 local object.        \n\
            remote: not on a Friday: 3 days left        \nWriting objects:  33% (1/3)\rfatal: the remote end hung up unexpectedly\n\
            error: failed to push some refs to 'x'\n";
        let words = words(said.as_bytes());
        let expected = [
            "remote: not on a Friday: 3 days left",
            "fatal: the remote end hung up unexpectedly",
            "error: failed to push some refs to 'x'",
        ];
        assert_eq!(words.lines().collect::<Vec<_>>(), expected);
    }
}
