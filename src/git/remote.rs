//! Remotes: listing their refs, and fetching and pushing by exact names.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::exe::Git;
use super::names::{self, BranchName};
use super::work::{Noted, Work};
use super::{Change, Error, Oid, Repo, Result, parse_oid};
use crate::process::{self, Cmd, Output};

/// Maximum number of refs per `git push`, to stay within the command line limit.
const MAX_PUSHED: usize = 4000;
/// The most branches of one push that get an upstream: git rewrites its configuration twice for each.
const MAX_UPSTREAMS: usize = 20;

/// The result of a push for one ref (git-push(1), `--porcelain`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The full name of the remote's ref.
    pub name: String,
    /// Whether the remote was already up to date.
    pub same: bool,
    /// Why it was refused; `None` if the remote has it now.
    pub refused: Option<String>,
}

/// Refs at the push URLs of a remote, if they differ from the fetch URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushPlaces {
    /// Refs that all URLs have with the same value, by full name.
    pub everywhere: HashMap<String, Oid>,
    /// The names of refs that at least one URL has.
    pub somewhere: HashSet<String>,
}

/// The refs of one push.
#[derive(Debug, Clone, Copy)]
pub struct PushRefs<'a> {
    /// The branches to push.
    pub branches: &'a [BranchName],
    /// The branches to delete, each only if the remote has exactly the old value.
    pub deleted: &'a [Change],
    /// The refs of this clone's records and notes.
    pub notes: &'a [String],
    /// Those of the branches that get those of the remote as upstream; none of them if there are more than 20.
    pub upstreams: &'a [BranchName],
}

/// The result of a push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushReport {
    /// The result for each ref.
    pub refs: Vec<Pushed>,
    /// Lines printed by the remote's hooks.
    pub messages: Vec<String>,
}

/// Those of these branches that get an upstream: all of them, or none if they are many.
pub fn few_upstreams(branches: &[BranchName]) -> &[BranchName] {
    if branches.len() <= MAX_UPSTREAMS { branches } else { &[] }
}

impl Git {
    /// Push and delete refs of `remote` atomically.
    ///
    /// # Errors
    /// When git cannot reach the remote, or nothing is transferred for `stall_limit`; a refusal is in the answer.
    pub fn push(&self, remote: &str, refs: &PushRefs<'_>, stall_limit: Duration) -> Result<PushReport> {
        let PushRefs { branches, deleted, notes, .. } = *refs;
        let upstreams = few_upstreams(refs.upstreams);
        let upstream = (!upstreams.is_empty() && upstreams.len() == branches.len()).then_some("--set-upstream");
        let leases: Vec<_> = deleted.iter().map(lease).collect();
        let options: Vec<_> =
            ["--atomic"].into_iter().chain(upstream).chain(leases.iter().map(String::as_str)).collect();
        let names = branches.iter().map(BranchName::full_ref).chain(notes.iter().cloned());
        let work = Work::Push(remote.to_owned(), upstreams.to_vec());
        let deleted = deleted.iter().map(|change| change.name.clone());
        self.push_with(&work, &options, remote, (names.collect(), deleted.collect()), stall_limit)
    }

    /// Push refs by full name, independently: one refused ref does not block the others.
    ///
    /// # Errors
    /// When git cannot reach the remote, or nothing is transferred for `stall_limit`; a refusal is in the answer.
    pub fn push_each(&self, remote: &str, names: &[String], stall_limit: Duration) -> Result<PushReport> {
        let mut report = PushReport::default();
        for names in names.chunks(MAX_PUSHED) {
            let options = ["--no-follow-tags", "--recurse-submodules=no"];
            let work = Work::Push(remote.to_owned(), Vec::new());
            let names = (names.to_vec(), Vec::new());
            let PushReport { refs, messages } = self.push_with(&work, &options, remote, names, stall_limit)?;
            report.refs.extend(refs);
            report.messages.extend(messages);
        }
        Ok(report)
    }

    /// Move refs of a remote atomically, each only if the remote has exactly the expected old value.
    ///
    /// # Errors
    /// When git cannot reach the remote; a refusal is in the answer.
    pub fn push_leased(&self, remote: &str, changes: &[Change], stall_limit: Duration) -> Result<PushReport> {
        let cmd = self.remote_command(remote, stall_limit).args([
            "push",
            "--porcelain",
            "--progress",
            "--atomic",
            "--no-follow-tags",
        ]);
        let cmd = cmd.args(changes.iter().map(lease)).arg(remote);
        let cmd = cmd.args(changes.iter().map(|change| format!("{}:{}", hex(change.new), change.name)));
        self.read_push(&Work::Push(remote.to_owned(), Vec::new()), cmd)
    }

    /// Push refs of these names, and delete others.
    fn push_with(
        &self,
        work: &Work,
        options: &[&str],
        remote: &str,
        (pushed, deleted): (Vec<String>, Vec<String>),
        stall_limit: Duration,
    ) -> Result<PushReport> {
        let push = |spell: &dyn Fn(&String) -> Result<String>| {
            let cmd = self.remote_command(remote, stall_limit).args(["push", "--porcelain", "--progress"]);
            let names = pushed.iter().map(spell).collect::<Result<Vec<_>>>()?;
            let refspecs = names.iter().map(|it| format!("{it}:{it}")).chain(deleted.iter().map(|it| format!(":{it}")));
            self.read_push(work, cmd.args(options).arg(remote).args(refspecs))
        };
        let report = push(&|name| Ok(name.clone()));
        let names: HashSet<&String> = pushed.iter().chain(&deleted).collect();
        if is_confused_with_tag(&report, &names) { push(&|name| self.only_pattern(name)) } else { report }
    }

    /// A refspec pattern that matches only this ref. A full name also matches a local or remote tag `refs/tags/refs/heads/x`, and git then
    /// pushes neither; a pattern does not match the tag.
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

    /// Run `git push --porcelain` and parse the result for each ref.
    fn read_push(&self, work: &Work, cmd: Cmd) -> Result<PushReport> {
        let command = cmd.to_string();
        let output = self.during(work, || cmd.output())?;
        let refs: Vec<_> = output.text().lines().filter_map(push_line).collect();
        if output.status.success() || !refs.is_empty() {
            let stderr = messages(&output.stderr);
            let lines = stderr.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim_end);
            return Ok(PushReport { refs, messages: lines.map(str::to_owned).collect() });
        }
        let Output { status, stdout, stderr } = output;
        Err(process::Error::Failed { command, status, stdout, stderr: messages(&stderr).into_bytes() }.into())
    }

    /// List the remote's current refs that match these patterns.
    ///
    /// # Errors
    /// When git cannot reach the remote, or nothing is transferred for `stall_limit`.
    pub fn remote_refs(
        &self,
        remote: &str,
        patterns: &[String],
        stall_limit: Duration,
    ) -> Result<HashMap<String, Oid>> {
        let output = self
            .remote_command(remote, stall_limit)
            .args(["ls-remote", "--refs", "--", remote])
            .args(patterns)
            .read()?;
        let line = |line: &str| line.split_once('\t').map(|(id, name)| Ok((name.to_owned(), parse_oid(id)?)));
        output.text().lines().filter_map(line).collect()
    }

    /// The fetch URL and the push URLs of a remote; `None` if they are equal.
    ///
    /// # Errors
    /// When git cannot be run.
    fn other_push_urls(&self, remote: &str) -> Result<Option<(String, Vec<String>)>> {
        let urls = |options: &[&str]| self.read().args(["remote", "get-url"]).args(options).arg(remote).read();
        let fetched = urls(&[])?.text();
        let pushed: Vec<_> = urls(&["--push", "--all"])?.text().lines().map(str::to_owned).collect();
        Ok(pushed.iter().any(|url| *url != fetched).then_some((fetched, pushed)))
    }

    /// Check that the remote answers, without a password prompt.
    ///
    /// # Errors
    /// When git cannot reach the remote, or nothing is transferred for `stall_limit`.
    pub fn answers(&self, remote: &str, stall_limit: Duration) -> process::Result<()> {
        let cmd = self.remote_command(remote, stall_limit).env("GIT_TERMINAL_PROMPT", "0");
        cmd.args(["ls-remote", "--heads", "--quiet", "--", remote, "lattice-doctor"]).read().map(drop)
    }

    /// Fetch exactly these refspecs atomically, ignoring configured refspecs.
    ///
    /// # Errors
    /// When git cannot reach the remote, a ref no longer exists, or nothing is transferred for `stall_limit`.
    pub fn fetch(&self, remote: &str, refspecs: &[String], stall_limit: Duration) -> Result<()> {
        // --refmap=: a configured `+refs/notes/*:refs/notes/*` would delete records that were not pushed.
        let exactly = ["--refmap=", "--no-tags", "--no-prune", "--recurse-submodules=no", "--no-write-fetch-head"];
        // --quiet omits the list of fetched refs; --progress shows that the transfer is alive.
        let cmd =
            self.remote_command(remote, stall_limit).args(["fetch", "--quiet", "--progress", "--atomic", "--stdin"]);
        let cmd = cmd.args(exactly).arg(remote).stdin(refspecs.join("\n") + "\n");
        match self.during(&Work::Fetch(remote.to_owned()), || cmd.read()) {
            Err(process::Error::Failed { command, status, stdout, stderr }) => {
                Err(process::Error::Failed { command, status, stdout, stderr: messages(&stderr).into_bytes() }.into())
            }
            read => Ok(read.map(drop)?),
        }
    }

    /// A git command for a remote. On a terminal, ssh and credential helpers may prompt; without one they must not.
    pub(super) fn remote_command(&self, remote: &str, stall_limit: Duration) -> Cmd {
        self.read()
            .env_remove("GIT_TERMINAL_PROMPT")
            .may_ask()
            .stall_limit(stall_limit, format!("the remote `{remote}`"))
    }
}

fn hex(id: Option<Oid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// The option that lets a push change a ref only if it has the old value.
fn lease(change: &Change) -> String {
    format!("--force-with-lease={}:{}", change.name, hex(change.old))
}

/// Whether git confused a ref with a tag of the same full name (remote.c, `match_explicit`).
fn is_confused_with_tag(report: &Result<PushReport>, names: &HashSet<&String>) -> bool {
    match report {
        Ok(report) => report.refs.iter().any(|pushed| !names.contains(&pushed.name)),
        Err(Error::Exe(process::Error::Failed { stderr, .. })) => {
            String::from_utf8_lossy(stderr).contains("matches more than one")
        }
        Err(_) => false,
    }
}

/// The messages of a transfer, without progress lines.
fn messages(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    // Each progress state overwrites the previous one.
    let line = |line: &str| line.trim_end().rsplit('\r').next().unwrap_or_default().to_owned();
    text.lines().map(line).filter(|line| !is_progress(line)).collect::<Vec<_>>().join("\n")
}

/// Whether a line is progress of git or the remote: `Writing objects: 100% (3/3), 250 bytes, done.` (progress.c, pack-objects.c).
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
    /// List the refs that match these patterns at the push URLs of a remote, if they differ from the fetch URL
    /// (`remote.NAME.pushurl`). `fetched` are the matching refs at the fetch URL.
    ///
    /// # Errors
    /// When git cannot reach a push URL.
    pub fn push_refs(
        &self,
        remote: &str,
        patterns: &[String],
        fetched: &HashMap<String, Oid>,
        stall_limit: Duration,
    ) -> Result<Option<PushPlaces>> {
        if !self.has_push_url(remote) {
            return Ok(None);
        }
        let Some((own, urls)) = self.git().other_push_urls(remote)? else { return Ok(None) };
        let mut places = PushPlaces::default();
        for (i, url) in urls.iter().enumerate() {
            let refs =
                if *url == own { fetched.clone() } else { self.git().remote_refs(url, patterns, stall_limit)? };
            places.somewhere.extend(refs.keys().cloned());
            if i == 0 {
                places.everywhere = refs;
            } else {
                places.everywhere.retain(|name, id| refs.get(name) == Some(id));
            }
        }
        Ok(Some(places))
    }

    /// Whether the remote has push URLs of its own, which may differ from the fetch URL.
    pub fn has_push_url(&self, remote: &str) -> bool {
        !self.config_all(&format!("remote.{remote}.pushurl")).is_empty()
    }

    /// Note that these branches are going to be pushed to `remote`, and get it as upstream.
    pub fn note_upstreams(&self, remote: &str, branches: &[BranchName]) -> Option<Noted> {
        self.git.notes.as_ref().map(|notes| notes.begin(&Work::Push(remote.to_owned(), branches.to_vec())))
    }

    /// Set `remote` as the upstream of those of these branches that were pushed and have none.
    ///
    /// # Errors
    /// When refs or the configuration cannot be read or written.
    pub fn finish_upstreams(&self, remote: &str, branches: &[BranchName]) -> Result<()> {
        for branch in branches {
            let tip = self.branch_tip(branch)?;
            if tip.is_some() && self.tracking_tip(branch, remote)? == tip {
                self.set_upstream(remote, branch)?;
            }
        }
        Ok(())
    }

    /// Set `remote` as the upstream of a branch that has none.
    ///
    /// # Errors
    /// When the configuration cannot be read or written.
    pub fn set_upstream(&self, remote: &str, branch: &BranchName) -> Result<()> {
        for (key, value) in [("remote", remote.to_owned()), ("merge", branch.full_ref())] {
            let key = format!("branch.{branch}.{key}");
            if self.git.local_config(&key)?.is_empty() {
                self.git.set_config(&key, &value)?;
            }
        }
        Ok(())
    }

    /// Whether a plain `git fetch` updates `REMOTE/BRANCH` for this branch: a single-branch clone has no refspec for others.
    pub fn tracks(&self, remote: &str, branch: &str) -> bool {
        let (from, to) = (names::full(branch), names::tracking_under(remote, branch));
        self.fetch_refspecs(remote).iter().any(|refspec| maps(refspec, &from).is_some_and(|mapped| mapped == to))
    }

    /// The refspecs of a remote.
    pub fn fetch_refspecs(&self, remote: &str) -> Vec<String> {
        self.config_all(&format!("remote.{remote}.fetch"))
    }

    /// Whether a plain `git fetch` brings a ref of the remote under some name.
    pub fn fetches(&self, remote: &str, name: &str) -> bool {
        self.fetch_refspecs(remote).iter().any(|refspec| maps(refspec, name).is_some())
    }

    /// The command that fetches a branch of the remote as `REMOTE/BRANCH`; without a branch, all branches.
    pub fn fetch_command(&self, remote: &str, branch: Option<&str>) -> String {
        // Without a refspec of its own, the branch is fetched with all others.
        if self.tracks(remote, branch.unwrap_or("*")) {
            return format!("git fetch {}", process::quote(remote));
        }
        let (remote, branch) = (process::quote(remote), process::quote(branch.unwrap_or("*")));
        // Without `--add`, git would delete the refspec for records.
        format!("git remote set-branches --add {remote} {branch} && git fetch {remote}")
    }
}

/// The local ref that a refspec maps a remote ref to; `None` if it does not match.
fn maps(refspec: &str, name: &str) -> Option<String> {
    let (from, to) = refspec.trim_start_matches('+').split_once(':')?;
    let Some((before, after)) = from.split_once('*') else { return (from == name).then(|| to.to_owned()) };
    let matched = name.strip_prefix(before)?.strip_suffix(after)?;
    Some(to.replacen('*', matched, 1))
}

/// Parse `FLAG \t FROM:TO \t SUMMARY (REASON)`: `!` means refused, `=` up to date, any other flag pushed.
fn push_line(line: &str) -> Option<Pushed> {
    let mut fields = line.splitn(3, '\t');
    let (flag, refs, summary) = (fields.next()?, fields.next()?, fields.next()?);
    let name = refs.split_once(':')?.1.to_owned();
    Some(Pushed { name, same: flag == "=", refused: (flag == "!").then(|| summary.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::{maps, messages};

    #[test]
    fn refspecs_map_remote_refs() {
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
    fn progress_is_removed_from_messages() {
        let stderr = "Enumerating objects: 5, done.\nCounting objects:  20% (1/5)\rCounting objects: 100% (5/5), done.\n\
            Delta compression using up to 2 threads\nWriting objects: 100% (3/3), 250 bytes | 250.00 KiB/s, done.\n\
            Total 3 (delta 0), reused 0 (delta 0), pack-reused 0\nremote: Resolving deltas: 100% (1/1), completed with 1 local object.        \n\
            remote: not on a Friday: 3 days left        \nWriting objects:  33% (1/3)\rfatal: the remote end hung up unexpectedly\n\
            error: failed to push some refs to 'x'\n";
        let messages = messages(stderr.as_bytes());
        let expected = [
            "remote: not on a Friday: 3 days left",
            "fatal: the remote end hung up unexpectedly",
            "error: failed to push some refs to 'x'",
        ];
        assert_eq!(messages.lines().collect::<Vec<_>>(), expected);
    }
}
