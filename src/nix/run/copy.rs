//! Copies between stores: derivations to where they are built, outputs to caches.

use crate::nix::error::Error;
use crate::nix::exe::Nix;
use crate::nix::options::Options;
use crate::nix::place::StoreUrl;
use crate::nix::read::internal_json;
use crate::nix::store_path::StorePath;
use crate::process;

impl Nix {
    /// Copies derivations and their sources to the store that will build them.
    ///
    /// # Errors
    /// When copying fails.
    pub fn send(&self, drvs: &[StorePath], to: &StoreUrl, options: &Options) -> Result<(), Error> {
        self.copy(&["--derivation", "--to", to.as_str()], drvs, to, options)
    }

    /// Copies derivations and their sources from another store to the user's. They are content-addressed, so no signature is needed.
    ///
    /// # Errors
    /// When copying fails.
    pub fn take(&self, drvs: &[StorePath], from: &StoreUrl, options: &Options) -> Result<(), Error> {
        self.copy(&["--derivation", "--no-check-sigs", "--from", from.as_str()], drvs, from, options)
    }

    /// Copies outputs and their closures to a cache or another store; `from` is the source if it is not the user's store.
    ///
    /// # Errors
    /// When copying fails; paths that were copied before stay.
    pub fn push(
        &self,
        outputs: &[StorePath],
        from: Option<&StoreUrl>,
        to: &StoreUrl,
        options: &Options,
    ) -> Result<(), Error> {
        let from: Vec<&str> = from.map_or_else(Vec::new, |url| vec!["--from", url.as_str()]);
        self.copy(&[&from[..], &["--to", to.as_str()]].concat(), outputs, to, options)
    }

    /// Reads a store path that is a file; `None` if the user's store does not have it.
    ///
    /// # Errors
    /// When Nix cannot be run, or the path is not a file.
    pub fn file(&self, path: &StorePath) -> Result<Option<String>, Error> {
        if self.nar_hashes([path])?.is_empty() {
            return Ok(None);
        }
        let output = self.cmd(["store", "cat", path.as_str()]).read()?;
        Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    fn copy(&self, how: &[&str], paths: &[StorePath], to: &StoreUrl, options: &Options) -> Result<(), Error> {
        let cmd = self.cmd(["copy"]).args(how).args(paths.iter().map(StorePath::as_str));
        let cmd = cmd.stall_limit(options.limits().network, format!("the store `{}`", to.bare()));
        match cmd.read() {
            Ok(_) => Ok(()),
            Err(process::Error::Failed { stderr, .. }) => {
                Err(Error::NotCopied { to: to.bare().to_owned(), message: reason(&String::from_utf8_lossy(&stderr)) })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns the lines that say what is wrong; ssh prints its own without `error:`.
fn reason(stderr: &str) -> String {
    let text = internal_json::plain(stderr);
    let chatter = |line: &&str| !line.is_empty() && !line.starts_with("copying ") && !line.starts_with("warning:");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(chatter).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.strip_prefix("error: ").unwrap_or(line)).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_leaves_out_progress_messages() {
        let stderr =
            "copying 1 paths...\ncopying path '/nix/store/x' to 'ssh-ng://a'...\n\u{1b}[31;1merror:\u{1b}[0m no room\n";
        assert_eq!(reason(stderr), "no room");
    }
}
