//! Speaking to a remote: what it has, fetching and pushing by exact names.

use std::collections::{HashMap, HashSet};

use super::exe::Git;
use super::{Change, Oid, Repo, Result};
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
    /// Pushes `branches` (without `refs/heads/`) to `remote`, and the ref `notes` with them; all or none.
    ///
    /// # Errors
    /// When git cannot reach the remote; a refusal is in the answer.
    pub fn push(&self, remote: &str, branches: &[String], notes: Option<&str>) -> Result<PushReport> {
        // The one branch that the user goes on with; for many, git would rewrite its configuration once for each.
        let upstream = (branches.len() == 1).then_some("--set-upstream");
        let names = branches.iter().map(|branch| format!("refs/heads/{branch}")).chain(notes.map(str::to_owned));
        self.push_with(&[Some("--atomic"), upstream], remote, names)
    }

    /// Pushes refs by their full names, each for itself: what is refused keeps no other back.
    ///
    /// # Errors
    /// When git cannot reach the remote; a refusal is in the answer.
    pub fn push_each(&self, remote: &str, names: &[String]) -> Result<PushReport> {
        let mut report = PushReport::default();
        for names in names.chunks(MOST_PUSHED) {
            let options = [Some("--no-follow-tags"), Some("--recurse-submodules=no")];
            let PushReport { refs, said } = self.push_with(&options, remote, names.iter().cloned())?;
            report.refs.extend(refs);
            report.said.extend(said);
        }
        Ok(report)
    }

    /// Moves refs of a remote, all or none, and each only where the remote has exactly what is expected there.
    ///
    /// # Errors
    /// When git cannot reach the remote; a refusal is in the answer.
    pub fn push_leased(&self, remote: &str, changes: &[Change]) -> Result<PushReport> {
        let hex = |id: Option<Oid>| id.map(|id| id.to_string()).unwrap_or_default();
        let lease = |change: &Change| format!("--force-with-lease={}:{}", change.name, hex(change.old));
        let cmd = self.asking().args(["push", "--porcelain", "--atomic", "--no-follow-tags"]);
        let cmd = cmd.args(changes.iter().map(lease)).arg(remote);
        read_push(cmd.args(changes.iter().map(|change| format!("{}:{}", hex(change.new), change.name))))
    }

    fn push_with(
        &self,
        options: &[Option<&str>],
        remote: &str,
        names: impl Iterator<Item = String>,
    ) -> Result<PushReport> {
        let cmd = self.asking().args(["push", "--porcelain"]).args(options.iter().flatten()).arg(remote);
        read_push(cmd.args(names.map(|name| format!("{name}:{name}"))))
    }

    /// What the remote has under these patterns, as it is now.
    ///
    /// # Errors
    /// When git cannot reach the remote.
    pub fn remote_refs(&self, remote: &str, patterns: &[String]) -> Result<HashMap<String, Oid>> {
        let output = self.asking().args(["ls-remote", "--refs", "--", remote]).args(patterns).read()?;
        let line = |line: &str| line.split_once('\t').map(|(id, name)| Ok((name.to_owned(), Repo::oid(id)?)));
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

    /// Fetches by exactly these refspecs, whatever the configuration says, all or none.
    ///
    /// # Errors
    /// When git cannot reach the remote, or a ref is not there any more.
    pub fn fetch(&self, remote: &str, refspecs: &[String]) -> Result<()> {
        // --refmap=: a configured `+refs/notes/*:refs/notes/*` would take away records that were not pushed.
        let exactly = ["--refmap=", "--no-tags", "--no-prune", "--recurse-submodules=no", "--no-write-fetch-head"];
        let cmd = self.asking().args(["fetch", "--quiet", "--atomic", "--stdin"]).args(exactly).arg(remote);
        Ok(cmd.stdin(refspecs.join("\n") + "\n").read().map(drop)?)
    }

    /// Without a terminal nobody can answer; with one, ssh and credential helpers may ask there by themselves.
    fn asking(&self) -> Cmd {
        self.read().env_remove("GIT_TERMINAL_PROMPT")
    }
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
    ) -> Result<Option<PushPlaces>> {
        if self.config_all(&format!("remote.{remote}.pushurl")).is_empty() {
            return Ok(None);
        }
        let Some((own, urls)) = self.git().other_push_urls(remote)? else { return Ok(None) };
        let mut places = PushPlaces::default();
        for (i, url) in urls.iter().enumerate() {
            let refs = if *url == own { fetched.clone() } else { self.git().remote_refs(url, patterns)? };
            places.somewhere.extend(refs.keys().cloned());
            if i == 0 {
                places.everywhere = refs;
            } else {
                places.everywhere.retain(|name, id| refs.get(name) == Some(id));
            }
        }
        Ok(Some(places))
    }

    /// Whether an ordinary `git fetch` keeps what the remote has under this branch as `REMOTE/BRANCH`: a clone of a single branch has
    /// no refspec for others.
    pub fn tracks(&self, remote: &str, branch: &str) -> bool {
        let (from, to) = (format!("refs/heads/{branch}"), format!("refs/remotes/{remote}/{branch}"));
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

/// Runs `git push --porcelain` and reads what it did to each ref.
fn read_push(cmd: Cmd) -> Result<PushReport> {
    let command = cmd.to_string();
    let output = cmd.output()?;
    let refs: Vec<_> = output.text().lines().filter_map(push_line).collect();
    if output.status.success() || !refs.is_empty() {
        let stderr = output.error_text();
        let said = stderr.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim_end);
        return Ok(PushReport { refs, said: said.map(str::to_owned).collect() });
    }
    let Output { status, stdout, stderr } = output;
    Err(process::Error::Failed { command, status, stdout, stderr }.into())
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
    use super::maps;

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
}
