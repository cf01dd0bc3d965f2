//! Binary search in packed-refs, which is sorted by name.

/// The lines of packed-refs, sorted.
pub(super) struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    /// Wrap the lines after the header, which gix has validated and sorted.
    pub(super) fn new(lines: &'a [u8]) -> Self {
        Self(lines)
    }

    /// List the refs and directories in the directory `dir` (`refs/heads/`), each with whether it is a directory, not recursively.
    pub(super) fn children<'d>(&'d self, dir: &'d [u8]) -> impl Iterator<Item = (&'a [u8], bool)> {
        let mut at = self.first_from(dir);
        std::iter::from_fn(move || {
            let name = self.name_at(at)?;
            let rest = name.strip_prefix(dir)?;
            if let Some(end) = rest.iter().position(|byte| *byte == b'/') {
                // `0` is the character after `/`: everything in the directory sorts before it.
                at = self.first_from(&[dir, &rest[..end], b"0"].concat());
                Some((&rest[..end], true))
            } else {
                at = self.next_ref(at);
                Some((rest, false))
            }
        })
    }

    /// List the refs whose full names begin with `prefix`.
    pub(super) fn beginning_with<'p>(&'p self, prefix: &'p [u8]) -> impl Iterator<Item = &'a [u8]> {
        let mut at = self.first_from(prefix);
        std::iter::from_fn(move || {
            let name = self.name_at(at).filter(|name| name.starts_with(prefix))?;
            at = self.next_ref(at);
            Some(name)
        })
    }

    /// The offset of the first ref whose name is not before `name`.
    fn first_from(&self, name: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.0.len());
        while low < high {
            let middle = self.ref_before(low + (high - low) / 2, low);
            match self.name_at(middle) {
                Some(found) if found < name => low = self.next_ref(middle),
                _ => high = middle,
            }
        }
        low
    }

    /// The start of the ref that contains offset `at`, at least `least`. A line that begins with `^` belongs to the previous ref.
    fn ref_before(&self, at: usize, least: usize) -> usize {
        let line =
            |at: usize| self.0[least..at].iter().rposition(|byte| *byte == b'\n').map_or(least, |end| least + end + 1);
        let mut start = line(at);
        while start > least && self.0[start] == b'^' {
            start = line(start - 1);
        }
        start
    }

    /// The start of the ref after the one at `at`.
    fn next_ref(&self, at: usize) -> usize {
        let next =
            |at: usize| self.0[at..].iter().position(|byte| *byte == b'\n').map_or(self.0.len(), |end| at + end + 1);
        let mut start = next(at);
        while self.0.get(start) == Some(&b'^') {
            start = next(start);
        }
        start
    }

    /// The name of the ref at `at`, which follows its id.
    fn name_at(&self, at: usize) -> Option<&'a [u8]> {
        let line = self.0.get(at..)?.split(|byte| *byte == b'\n').next()?;
        let (_, name) = line.split_at_checked(line.iter().position(|byte| *byte == b' ')? + 1)?;
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// packed-refs with these names; every third is an annotated tag with its peeled object.
    fn lines(names: &[String]) -> String {
        let id = "0123456789012345678901234567890123456789";
        let line = |(i, name): (usize, &String)| {
            let peeled = if i % 3 == 0 { format!("^{id}\n") } else { String::new() };
            format!("{id} {name}\n{peeled}")
        };
        names.iter().enumerate().map(line).collect()
    }

    fn children(names: &[String], dir: &str) -> Vec<(String, bool)> {
        let text = lines(names);
        let found = Packed::new(text.as_bytes());
        let child = |(name, is_dir): (&[u8], bool)| (String::from_utf8(name.to_vec()).unwrap(), is_dir);
        found.children(dir.as_bytes()).map(child).collect()
    }

    #[test]
    fn lists_the_children_of_a_directory() {
        let names = ["r/a", "r/b-c", "r/b.d", "r/b/x", "r/b/y/z", "r/b0", "r/c/x", "s/a"].map(str::to_owned);
        let found = children(&names, "r/");
        let wanted = [("a", false), ("b-c", false), ("b.d", false), ("b", true), ("b0", false), ("c", true)];
        assert_eq!(found, wanted.map(|(name, is_dir)| (name.to_owned(), is_dir)));
        assert_eq!(children(&names, "r/b/"), [("x".to_owned(), false), ("y".to_owned(), true)]);
        assert_eq!((children(&names, "q/"), children(&[], "r/")), (Vec::new(), Vec::new()));
    }

    proptest! {
        #[test]
        fn children_match_a_linear_scan(
            mut names in prop::collection::vec("r(/[ab.0-]{1,2}){1,3}", 0..30), dir in "r(/[ab.0-]{1,2}){0,2}/"
        ) {
            names.sort();
            names.dedup();
            let mut all: Vec<(String, bool)> = Vec::new();
            for rest in names.iter().filter_map(|name| name.strip_prefix(&dir)) {
                let child = rest.split_once('/').map_or((rest, false), |(child, _)| (child, true));
                let child = (child.0.to_owned(), child.1);
                if !all.contains(&child) {
                    all.push(child);
                }
            }
            prop_assert_eq!(children(&names, &dir), all);
            let text = lines(&names);
            let found = Packed::new(text.as_bytes());
            let found = found.beginning_with(dir.as_bytes()).map(|name| std::str::from_utf8(name).unwrap());
            prop_assert!(found.eq(names.iter().filter(|name| name.starts_with(&dir))));
        }
    }
}
