//! Starts programs that outlive us and the terminal.
//!
//! Users must not wait for a post-checkout hook's background work. git waits only for the hook itself, but `$(git checkout x)`, an
//! editor or a CI runner waits until every process has closed the caller's pipe.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::Stdio;

use rustix::io::Errno;

use super::{Cmd, Error, Result};

impl Cmd {
    /// Starts the program and returns its process id at once. It gets no stdin, no stdout, no inherited descriptors and none of
    /// git's variables, and runs in `/` unless a directory was set. Its stderr is appended to the file `log`, or discarded.
    ///
    /// The program must call [`become_session_leader`].
    ///
    /// # Errors
    /// When the program is missing or cannot be started, or `log` cannot be opened.
    pub fn spawn_detached(self, log: Option<&Path>) -> Result<u32> {
        let cmd = self.without_git_env();
        let cmd = if cmd.cwd.is_some() { cmd } else { cmd.cwd("/") };
        let unopened = |source| Error::Io { command: cmd.to_string(), source };
        let stderr = log.map_or_else(|| Ok(Stdio::null()), open_log).map_err(unopened)?;
        let mut command = cmd.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        close_inherited_on_exec();
        cmd.trace();
        command.spawn().map(|child| child.id()).map_err(|source| cmd.not_started(source))
    }
}

/// Leaves the session that we were started in, so that Ctrl-C or a hang-up of its terminal does not reach us.
///
/// The detached program must call this first. setsid(2) fails with EPERM for a process group leader: either a shell started us, or
/// the session is already ours. Both are accepted without checking, since getsid(2) returns 0 for a leader outside our pid namespace.
///
/// # Errors
/// When the system refuses for another reason.
pub fn become_session_leader() -> io::Result<()> {
    match rustix::process::setsid() {
        Ok(_) | Err(Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn open_log(path: &Path) -> io::Result<Stdio> {
    OpenOptions::new().append(true).create(true).open(path).map(Stdio::from)
}

/// Closes descriptors that we inherited (a lock, the caller's pipe) in the new program.
fn close_inherited_on_exec() {
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
}
