//! The contents of a point's commit: the directories of the point and the points below it, the build key, the generated flake.

use anyhow::{Context as _, Result};

use crate::config::{self, Config, Names, StepData};
use crate::git::size::TooLarge;
use crate::git::tree::Entry;
use crate::git::{self, Oid, Repo};
use crate::lattice::branch::Segment;
use crate::lattice::{Point, Population};
use crate::template::{Flake, FlakeInputs, Previous, Template};

/// The generated file in a point's directory.
pub const FLAKE: &str = "flake.nix";
/// The step's data in a point's directory.
pub const CONFIG: &str = "config.toml";
/// The user's own build instructions in a point's directory.
pub const STEP: &str = "step.nix";

/// The directories, in one tree, of a point and the points below it.
#[derive(Debug, Clone)]
pub struct Content {
    /// Each point with its directory and tree, in table order; includes the point itself if its directory exists.
    pub points: Vec<(Point, String, Entry)>,
}

impl Content {
    /// Find in `tree` the directories of `point` and of all points below it.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn find(repo: &Repo, config: &Config, tree: Oid, point: &Point) -> Result<Self> {
        Ok(Self::walk(repo, config, tree, point, None)?.unwrap_or(Self { points: Vec::new() }))
    }

    /// Like [`Self::find`], but read at most `most` bytes of tree objects; `None` if that is not enough.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn find_within(repo: &Repo, config: &Config, tree: Oid, point: &Point, most: u64) -> Result<Option<Self>> {
        Self::walk(repo, config, tree, point, Some(most))
    }

    fn walk(repo: &Repo, config: &Config, tree: Oid, point: &Point, left: Option<u64>) -> Result<Option<Self>> {
        let mut walk = Walk { repo, config, texts: config.lattice.texts(point), point, left, found: Vec::new() };
        if !walk.descend(config.flake.segments(), tree, String::new())? {
            return Ok(None);
        }
        walk.found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Some(Self { points: walk.found }))
    }

    /// The directory of `point`.
    pub fn own(&self, point: &Point) -> Option<&Entry> {
        self.points.iter().find(|(p, ..)| p == point).map(|(_, _, entry)| entry)
    }

    /// The lower covers of `point` among these points: the inputs of its flake.
    pub fn previous(&self, point: &Point) -> Vec<Point> {
        let below: Population = self.points.iter().map(|(p, ..)| p.clone()).filter(|p| p != point).collect();
        below.maximal_below(point).into_iter().cloned().collect()
    }

    /// Compute the build key: the tree of these directories and the paths of `[build] include`. Its objects are written to `repo`.
    ///
    /// # Errors
    /// When objects cannot be read or written.
    pub fn key(&self, repo: &Repo, config: &Config, tree: Oid) -> Result<Oid> {
        let mut entries: Vec<_> = self.points.iter().map(|(_, dir, entry)| (dir.clone(), entry.clone())).collect();
        for path in &config.build.include {
            entries.extend(repo.content_at(tree, path)?.map(|entry| (path.clone(), entry)));
        }
        Ok(repo.tree_of(&entries)?)
    }
}

struct Walk<'a> {
    repo: &'a Repo,
    config: &'a Config,
    texts: Vec<String>,
    point: &'a Point,
    /// Number of bytes of tree objects that may still be read; `None` is unlimited.
    left: Option<u64>,
    found: Vec<(Point, String, Entry)>,
}

impl Walk<'_> {
    /// Search a directory; `false` if the byte limit is exceeded.
    fn descend(&mut self, segments: &[Segment], tree: Oid, path: String) -> Result<bool> {
        let Some((segment, rest)) = segments.split_first() else {
            let point = self.config.flake.decode(&self.config.lattice, &path);
            if let Some(point) = point.filter(|point| point.is_at_or_below(self.point)) {
                self.found.push((point, path, Entry { name: String::new(), id: tree, is_tree: true }));
            }
            return Ok(true);
        };
        if !self.may_read(tree) {
            return Ok(false);
        }
        if let Segment::Literal(name) = segment {
            return match self.repo.entry_at(tree, name)?.filter(|entry| entry.is_tree) {
                Some(entry) => self.descend(rest, entry.id, join(&path, name)),
                None => Ok(true),
            };
        }
        for entry in self.repo.entries(tree)? {
            if entry.is_tree && self.may_be_below(segment, &entry.name) {
                let path = join(&path, &entry.name);
                if !self.descend(rest, entry.id, path)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn may_read(&mut self, tree: Oid) -> bool {
        let Some(left) = self.left else { return true };
        let Some(rest) = left.checked_sub(self.repo.size_of(tree).unwrap_or_default()) else { return false };
        self.left = Some(rest);
        true
    }

    /// Whether an entry can contain points at or below the point. This skips other components and architectures: most of a large tree.
    fn may_be_below(&self, segment: &Segment, name: &str) -> bool {
        let Segment::Set(axis) = segment else { return true };
        name.split('+').all(|value| self.texts[*axis].split('+').any(|own| own == value))
    }
}

pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

/// The template values for a point's flake with the flakes of `previous` as inputs.
pub fn flake_of(config: &Config, point: &Point, previous: &[Point], inputs: FlakeInputs) -> Flake {
    let lattice = &config.lattice;
    let Names { spelled, branch, dir } = config.name(point).names();
    let names = lattice.axes().iter().map(|axis| axis.name.to_string());
    let values = lattice.values(point).into_iter().map(|values| values.iter().map(ToString::to_string).collect());
    let previous_flake =
        |below: &Point| Previous { point: config.spell(below).into(), dir: relative(&dir, &config.dir_of(below)) };
    Flake {
        point: spelled.into(),
        coordinates: names.zip(values).collect(),
        systems: config.systems.of(lattice, point),
        branch: branch.to_string(),
        previous: previous.iter().map(previous_flake).collect(),
        inputs,
    }
}

/// The relative path from directory `from` to directory `to`, both relative to the root.
fn relative(from: &str, to: &str) -> String {
    let (from, to): (Vec<_>, Vec<_>) = (from.split('/').collect(), to.split('/').collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    up.chain(to[common..].iter().copied()).collect::<Vec<_>>().join("/")
}

/// A point's `config.toml` in a tree, parsed once.
#[derive(Debug, Clone)]
pub enum Step {
    /// The file does not exist.
    Missing,
    /// The file exceeds the size limit.
    TooLarge(TooLarge),
    /// The file is invalid.
    Bad(config::Flaw),
    /// The parsed file.
    Data(StepData),
}

impl Step {
    /// Read the file of `point` in `content`.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn read(repo: &Repo, content: &Content, point: &Point) -> Result<Self> {
        let Some(own) = content.own(point) else { return Ok(Self::Missing) };
        match repo.file_at(own.id, CONFIG) {
            Ok(bytes) => Ok(bytes.map_or(Self::Missing, Self::of)),
            Err(git::Error::TooLarge(too_large)) => Ok(Self::TooLarge(too_large)),
            Err(error) => Err(error.into()),
        }
    }

    /// Parse the bytes of the file.
    pub fn of(bytes: Vec<u8>) -> Self {
        StepData::parse(bytes).map_or_else(Self::Bad, Self::Data)
    }

    /// The parsed file, if it is valid.
    pub fn data(&self) -> Option<&StepData> {
        if let Self::Data(data) = self { Some(data) } else { None }
    }

    /// The parsed file; `None` if it does not exist.
    ///
    /// # Errors
    /// When the file is too large or invalid.
    pub fn valid_data(&self) -> Result<Option<&StepData>> {
        match self {
            Self::Missing => Ok(None),
            Self::Data(data) => Ok(Some(data)),
            Self::TooLarge(too_large) => Err(git::Error::TooLarge(too_large.clone()).into()),
            Self::Bad(flaw) => Err(config::Error::Text { origin: CONFIG.to_owned(), flaw: flaw.clone() }.into()),
        }
    }
}

/// Find the template that generates exactly the `flake.nix` of `point` in `content` from its config.toml; `None` if the file was
/// edited or another version generated it.
///
/// # Errors
/// When objects cannot be read.
pub fn generated_by(
    repo: &Repo,
    config: &Config,
    content: &Content,
    point: &Point,
    step: &Step,
) -> Result<Option<Template>> {
    let (Some(own), Some(data)) = (content.own(point), step.data()) else { return Ok(None) };
    let flake = match repo.file_at(own.id, FLAKE) {
        Ok(Some(flake)) => flake,
        // No template generates a file that exceeds the size limit.
        Ok(None) | Err(git::Error::TooLarge(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let values = flake_of(config, point, &content.previous(point), data.flake_inputs.clone());
    template_of(&values, &flake, None)
}

/// Find the template that generates exactly these bytes; try `likely` first.
///
/// # Errors
/// When the values cannot be rendered.
pub fn template_of(values: &Flake, bytes: &[u8], likely: Option<Template>) -> Result<Option<Template>> {
    let others = Template::ALL.into_iter().filter(|other| Some(*other) != likely);
    for template in likely.into_iter().chain(others) {
        let text = template.render(values);
        if text.with_context(|| format!("could not render template `{}`", template.name()))?.as_bytes() == bytes {
            return Ok(Some(template));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn relative_path_between_directories() {
        assert_eq!(relative("f/c/a/p0/s2", "f/c/a/p0/s1"), "../s1");
        assert_eq!(relative("f/c/a/p1/s1", "f/c/a/p0/s9"), "../../p0/s9");
        assert_eq!(relative("f/c/a+b/p0/s1", "f/c/a/p0/s1"), "../../../a/p0/s1");
    }
}
