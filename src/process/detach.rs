//! Starting a program that lives on when we and the terminal are gone.
//!
//! A post-checkout hook must not make anybody wait. git itself waits for the hook only, but `$(git checkout x)`, an
//! editor or a CI runner waits until every process that holds its pipe has let go of it.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::Stdio;

use rustix::io::Errno;

use super::{Cmd, Error, Result};

impl Cmd {
    /// Starts it and returns at once with its process id: no stdin, no stdout, no inherited descriptor, nothing of git's
    /// environment, in `/` unless a folder was given. Its stderr is added to the file `log`, or goes nowhere.
    ///
    /// The program then calls [`become_session_leader`].
    ///
    /// # Errors
    /// When it is missing, cannot be started, or `log` cannot be opened.
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

/// Leaves the session of whoever started us: no Ctrl-C and no hang-up of that terminal reaches us any more.
///
/// To be called by the detached program before anything else. Whoever leads a process group already cannot leave its session
/// (setsid(2), EPERM), and stays: nobody but a shell, or a session that is ours already, starts us like that. Which of the two is
/// not asked, for getsid(2) says 0 where the leader lives outside of our process id namespace.
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

/// Descriptors that somebody left open to us (a lock, a pipe of the caller's) are not handed on.
fn close_inherited_on_exec() {
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
}
