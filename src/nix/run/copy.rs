//! Copying between stores: derivations to where they are built, results to where others take them from.

use crate::nix::error::Error;
use crate::nix::exe::Nix;
use crate::nix::options::Options;
use crate::nix::place::StoreUrl;
use crate::nix::read::internal_json;
use crate::nix::store_path::StorePath;
use crate::process;

impl Nix {
    /// Copies derivations, and the sources they are made from, into the store in which they are to be built.
    ///
    /// # Errors
    /// When that does not succeed.
    pub fn send(&self, drvs: &[StorePath], to: &StoreUrl, options: &Options) -> Result<(), Error> {
        self.copy(&["--derivation", "--to", to.as_str()], drvs, to, options)
    }

    /// Copies derivations, and the sources they are made from, out of another store into the user's own. What they consist of is
    /// named by its content, so that no signature is needed.
    ///
    /// # Errors
    /// When that does not succeed.
    pub fn take(&self, drvs: &[StorePath], from: &StoreUrl, options: &Options) -> Result<(), Error> {
        self.copy(&["--derivation", "--no-check-sigs", "--from", from.as_str()], drvs, from, options)
    }

    /// Copies outputs with all they need into a cache or another store; `from` is where they are, when not in the user's own store.
    ///
    /// # Errors
    /// When that does not succeed; what was copied before stays.
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

    fn copy(&self, how: &[&str], paths: &[StorePath], to: &StoreUrl, options: &Options) -> Result<(), Error> {
        let cmd = self.cmd(["copy"]).args(how).args(paths.iter().map(StorePath::as_str));
        let cmd = cmd.moving(options.limits().network, format!("the store `{}`", to.bare()));
        match cmd.read() {
            Ok(_) => Ok(()),
            Err(process::Error::Failed { stderr, .. }) => {
                Err(Error::NotCopied { to: to.bare().to_owned(), said: reason(&String::from_utf8_lossy(&stderr)) })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The lines that say what is wrong; ssh says its own without a mark.
fn reason(stderr: &str) -> String {
    let said = internal_json::plain(stderr);
    let chatter = |line: &&str| !line.is_empty() && !line.starts_with("copying ") && !line.starts_with("warning:");
    let lines: Vec<&str> = said.lines().map(str::trim).filter(chatter).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.strip_prefix("error: ").unwrap_or(line)).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_is_no_chatter() {
        let stderr =
            "copying 1 paths...\ncopying path '/nix/store/x' to 'ssh-ng://a'...\n\u{1b}[31;1merror:\u{1b}[0m no room\n";
        assert_eq!(reason(stderr), "no room");
    }
}
