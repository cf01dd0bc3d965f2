//! A private sshd on loopback with its own keys, and stores behind it: to Nix they are other machines.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use git_lattice::process::Cmd;
use tempfile::TempDir;

use crate::nix_setup::CONFIGURATION;

/// How often a start is tried: another process may take the free port first.
const STARTS: usize = 5;
/// Ends a program when its stdin closes, so that a killed test leaves none behind.
const WITH_THE_TEST: &str = r#"exec 3<&0; "$@" </dev/null & pid=$!; (read -r _ <&3; kill $pid) & wait $pid; kill $!"#;

/// An sshd that accepts one key, in a folder without spaces: neither `NIX_SSHOPTS` nor a builder line can quote one.
pub(crate) struct Sshd {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Sshd {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for key in ["host", "key", "stranger"] {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.path().join(key)));
        }
        fs::copy(folder.path().join("key.pub"), folder.path().join("authorized")).unwrap();
        // Only starting the service creates it, and without it sshd does not run as root.
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        for _ in 0..STARTS {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let mut child = spawn(folder.path(), port);
            if answers(&mut child, port) {
                let host = fs::read_to_string(folder.path().join("host.pub")).unwrap();
                fs::write(folder.path().join("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
                return Self { folder, port, child };
            }
        }
        panic!("sshd should run: {}", fs::read_to_string(folder.path().join("sshd.log")).unwrap_or_default());
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The `NIX_SSHOPTS` to connect.
    pub(crate) fn options(&self) -> String {
        self.options_with("key")
    }

    /// The same with another key, such as `stranger`.
    pub(crate) fn options_with(&self, key: &str) -> String {
        format!(
            "-p {} -i {} -F /dev/null -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={}",
            self.port,
            self.path(key).display(),
            self.path("known").display()
        )
    }

    /// Redirects the bare host name to this machine, without `remote-program`: its folder comes first on PATH.
    pub(crate) fn redirect_host_to(&self, machine: &Machine) {
        let key = fs::read_to_string(self.path("key.pub")).unwrap();
        let command = format!("PATH={}:$PATH exec sh -c \\\"$SSH_ORIGINAL_COMMAND\\\"", machine.home.display());
        fs::write(self.path("authorized"), format!("command=\"{command}\" {key}")).unwrap();
    }

    /// A machine of that name with this Nix and an empty store; `system` is the system it claims.
    pub(crate) fn machine(&self, name: &str, nix: &Path, system: Option<&str>) -> Machine {
        let home = self.path(name);
        fs::create_dir_all(home.join("conf")).unwrap();
        fs::write(home.join("conf/nix.conf"), CONFIGURATION).unwrap();
        let system = system.map(|system| format!("export NIX_CONFIG='system = {system}'\n")).unwrap_or_default();
        let script = format!(
            "#!/bin/sh\nhome='{home}'\necho \"$*\" >>\"$home/calls\"\n{system}export NIX_REMOTE=\"local?root=$home/store\"\n\
             export NIX_CONF_DIR=\"$home/conf\" NIX_USER_CONF_FILES=/dev/null HOME=\"$home\" XDG_CACHE_HOME=\"$home/cache\"\n\
             export XDG_CONFIG_HOME=\"$home/config\" XDG_DATA_HOME=\"$home/data\" XDG_STATE_HOME=\"$home/state\"\n\
             exec '{daemon}' \"$@\"\n",
            home = home.display(),
            daemon = nix.with_file_name("nix-daemon").display(),
        );
        let program = home.join("nix-daemon");
        write_program(&program, &script);
        Machine { home, program }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
        Command::new("chmod").args(["-R", "u+w"]).arg(self.folder.path()).output().ok();
    }
}

/// A machine behind the sshd.
pub(crate) struct Machine {
    home: PathBuf,
    program: PathBuf,
}

impl Machine {
    /// The machine's store, as `--store` takes it.
    pub(crate) fn url(&self) -> String {
        format!("ssh-ng://127.0.0.1?remote-program={}", self.program.display())
    }

    /// The URL that a shared file may contain, after [`Sshd::redirect_host_to`].
    pub(crate) fn shared_url() -> &'static str {
        "ssh-ng://127.0.0.1"
    }

    /// The machine's line for `--builders`.
    pub(crate) fn line(&self, systems: &str) -> String {
        format!("{} {systems} - 1 1 - - -", self.url())
    }

    /// The path of a store path in this file system.
    pub(crate) fn file(&self, store_path: &str) -> PathBuf {
        self.home.join(format!("store{store_path}"))
    }

    /// Whether any connection was made.
    pub(crate) fn was_called(&self) -> bool {
        self.home.join("calls").exists()
    }
}

fn spawn(folder: &Path, port: u16) -> Child {
    let at = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
        at("host"),
        at("authorized")
    );
    fs::write(folder.join("sshd_config"), config).unwrap();
    let log = fs::File::create(folder.join("sshd.log")).unwrap();
    // sshd starts itself again for each connection, by its absolute path.
    let sshd = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|path| Path::new(path).exists());
    let sshd = sshd.expect("sshd is needed: `apt install openssh-server`, or `scripts/test`");
    let mut command = Command::new("sh");
    command.args(["-c", WITH_THE_TEST, "sh", sshd, "-D", "-e", "-f", &at("sshd_config")]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn answers(child: &mut Child, port: u16) -> bool {
    for _ in 0..600 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return child.try_wait().unwrap().is_none();
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// A child process writes it, for the reason that `Scratch::program` gives.
fn write_program(path: &Path, text: &str) {
    Cmd::new("sh").args(["-c", "cat >\"$1\"", "sh"]).arg(path).stdin(text).read().unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
