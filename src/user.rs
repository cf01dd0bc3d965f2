//! The name of the user who runs a command.

use std::fs;

use crate::env;

/// The user database on Linux (passwd(5)).
const PASSWD: &str = "/etc/passwd";

/// Returns the user's name: as the environment has it, else as the user database has it, else the number.
#[must_use]
pub fn name() -> String {
    let id = rustix::process::getuid().as_raw();
    let listed = || find(&fs::read_to_string(PASSWD).ok()?, id);
    env::user().or_else(listed).unwrap_or_else(|| id.to_string())
}

/// Finds the name of a user in the text of the user database.
fn find(passwd: &str, id: u32) -> Option<String> {
    let is_own = |line: &&str| line.split(':').nth(2).and_then(|field| field.parse().ok()) == Some(id);
    let name = passwd.lines().find(is_own)?.split(':').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_database_names_a_user_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/sh\nodd\n:x:7:7::/:\n";
        assert_eq!(find(passwd, 1000).as_deref(), Some("ada"));
        assert_eq!(find(passwd, 0).as_deref(), Some("root"));
        assert_eq!((find(passwd, 7), find(passwd, 8)), (None, None));
    }
}
