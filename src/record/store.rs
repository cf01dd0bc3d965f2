//! Where records live: in git notes, one ref per writer.

use std::collections::HashMap;

use super::{Record, Verdicts, parse_note};
use crate::git::{Error, Oid, Repo, Result};

/// Under which all writers' refs are.
pub const NOTES: &str = "refs/notes/lattice/";
/// Where a clone keeps the name that it writes under.
const WRITER: &str = "lattice.writer";

/// The records of a repository as they are now.
pub struct Records<'a> {
    repo: &'a Repo,
    writers: Vec<(String, Oid)>,
    broken: Vec<String>,
}

impl<'a> Records<'a> {
    /// Finds the writers' refs. One that does not hold notes is left out: it is somebody else's, and hides no other.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn open(repo: &'a Repo) -> Result<Self> {
        let mut listing = repo.list_refs(&[NOTES.to_owned()])?;
        let mut writers = Vec::new();
        for (name, id) in listing.refs {
            match repo.tree_of_commit(id) {
                Ok(_) => writers.push((name, id)),
                Err(error) => listing.broken.push(format!("`{name}`: {error}")),
            }
        }
        Ok(Self { repo, writers, broken: listing.broken })
    }

    /// What was left out.
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    /// The writers' refs and what they point at: as long as these stand, so do the records.
    pub fn writers(&self) -> &[(String, Oid)] {
        &self.writers
    }

    /// The records for a key, in the order of their start.
    ///
    /// # Errors
    /// When notes cannot be read.
    pub fn of(&self, key: Oid) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for (_, notes) in &self.writers {
            if let Some(bytes) = self.repo.note(*notes, key)? {
                records.extend(parse_note(&key.to_string(), &bytes));
            }
        }
        records.sort_by(|a, b| a.started.cmp(&b.started));
        Ok(records)
    }

    /// Tells `on` of every record there is.
    ///
    /// # Errors
    /// When notes cannot be read.
    pub fn each(&self, on: &mut dyn FnMut(Record)) -> Result<()> {
        for (_, notes) in &self.writers {
            for (key, blob) in self.repo.all_notes(*notes)? {
                parse_note(&key.to_string(), &self.repo.blob(blob)?).into_iter().for_each(&mut *on);
            }
        }
        Ok(())
    }

    /// What the records of all keys come to, key by key.
    ///
    /// # Errors
    /// When notes cannot be read.
    pub fn verdicts(&self) -> Result<HashMap<Oid, Verdicts>> {
        let mut found: HashMap<Oid, Vec<Record>> = HashMap::new();
        for (_, notes) in &self.writers {
            for (key, blob) in self.repo.all_notes(*notes)? {
                found.entry(key).or_default().extend(parse_note(&key.to_string(), &self.repo.blob(blob)?));
            }
        }
        Ok(found.into_iter().map(|(key, records)| (key, Verdicts::of(&records))).collect())
    }
}

/// Appends records under this clone's own ref, each to the note on its key.
///
/// # Errors
/// When the notes cannot be written.
pub fn append(repo: &Repo, records: &[Record]) -> Result<()> {
    let identity = repo.identity_or_nobody();
    let name = format!("{NOTES}{}", writer(repo)?);
    let line = |record: &Record| {
        let mut line = serde_json::to_vec(record).unwrap_or_default();
        line.push(b'\n');
        Repo::oid(&record.key).map(|key| (key, line))
    };
    let texts = records.iter().map(line).collect::<Result<Vec<_>>>()?;
    repo.append_notes(&identity, &name, "lattice: record", &texts).map(drop)
}

/// The name that this clone writes under, made once: random, so that no two clones share one.
///
/// # Errors
/// When it cannot be kept.
pub fn writer(repo: &Repo) -> Result<String> {
    let git = repo.git();
    let spelled = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    let first = || Ok::<_, Error>(git.local_config(WRITER)?.into_iter().find(spelled));
    if let Some(name) = first()? {
        return Ok(name);
    }
    let own = random_name();
    git.add_config(WRITER, &own)?;
    // Of several processes that did this at once all take what comes first in the file, and the others take theirs back.
    let name = first()?.ok_or_else(|| Error::Malformed(format!("`{WRITER}` was not kept")))?;
    if name != own {
        git.unset_config(WRITER, &own)?;
    }
    Ok(name)
}

/// 64 random bits in hexadecimal: the standard library seeds its hashers from the system's randomness.
fn random_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    let bits = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{bits:016x}")
}
