//! The Hasse diagram of points: what is directly below what.

use foldhash::HashMap;

use crate::config::Config;
use crate::lattice::{Coordinate, Point, Population};

/// The Hasse diagram of some points of a population. Node `i` is the point at position `i` of the input.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Diagram {
    /// The nodes in the order of the points.
    pub nodes: Vec<Node>,
    /// The positions of the nodes that edges or a common component connect, ascending; parts are in the order of their first nodes.
    pub parts: Vec<Vec<usize>>,
}

/// A point of the diagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The edges down, at least one: to the maximal nodes below it, ascending, else to the base branch.
    pub below: Vec<Edge>,
    /// The number of edges of the longest path down to another node, or 0.
    pub rank: usize,
}

/// An edge down from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The node below; `None` is the base branch.
    pub to: Option<usize>,
    /// Whether the population has no point between both. Otherwise such points were not selected.
    pub is_direct: bool,
}

impl Node {
    /// The nodes directly below it.
    pub fn covers(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.below.iter().filter_map(|edge| edge.to)
    }
}

impl Diagram {
    /// The diagram of `points`, which are all different. Edges skip points of the population that are not among them.
    pub fn of(config: &Config, population: &Population, points: &[&Point]) -> Self {
        let at: HashMap<&Point, usize> = points.iter().enumerate().map(|(i, point)| (*point, i)).collect();
        let is_all = points.len() == population.len();
        let below: Vec<Vec<Edge>> = if is_all {
            points.iter().map(|point| edges(&at, population, population, point)).collect()
        } else {
            let selected: Population = points.iter().copied().cloned().collect();
            points.iter().map(|point| edges(&at, &selected, population, point)).collect()
        };
        let ranks = ranks(points, &below);
        let nodes: Vec<Node> = below.into_iter().zip(ranks).map(|(below, rank)| Node { below, rank }).collect();
        let parts = parts(config, points, &nodes);
        Self { nodes, parts }
    }

    /// All edges, each with the node that it goes down from.
    pub fn edges(&self) -> impl Iterator<Item = (usize, &Edge)> {
        self.nodes.iter().enumerate().flat_map(|(node, it)| it.below.iter().map(move |edge| (node, edge)))
    }
}

/// The edges down from `point` in `selected`, a part of `all`.
fn edges(at: &HashMap<&Point, usize>, selected: &Population, all: &Population, point: &Point) -> Vec<Edge> {
    let covers = selected.maximal_below(point);
    let is_whole = std::ptr::eq(selected, all);
    let known = if is_whole { Vec::new() } else { all.maximal_below(point) };
    if covers.is_empty() {
        return vec![Edge { to: None, is_direct: known.is_empty() }];
    }
    let edge = |cover: &Point| Edge { to: at.get(cover).copied(), is_direct: is_whole || known.contains(&cover) };
    let mut edges: Vec<Edge> = covers.into_iter().map(edge).collect();
    edges.sort_by_key(|edge| edge.to);
    edges
}

/// The rank of each node.
fn ranks(points: &[&Point], below: &[Vec<Edge>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_cached_key(|&node| points[node].extension_key());
    let mut ranks = vec![0; points.len()];
    for node in order {
        ranks[node] = below[node].iter().filter_map(|edge| edge.to).map(|cover| ranks[cover] + 1).max().unwrap_or(0);
    }
    ranks
}

/// The nodes that belong together.
fn parts(config: &Config, points: &[&Point], nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut sets = Sets((0..nodes.len()).collect());
    let (axes, mut firsts) = (config.title_axes(), HashMap::<Vec<&Coordinate>, usize>::default());
    for (node, point) in points.iter().enumerate() {
        let title = axes.iter().map(|&axis| &point.coordinates()[axis]).collect();
        sets.unite(node, *firsts.entry(title).or_insert(node));
        nodes[node].covers().for_each(|cover| sets.unite(node, cover));
    }
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut part_of: HashMap<usize, usize> = HashMap::default();
    for node in 0..nodes.len() {
        let part = *part_of.entry(sets.root(node)).or_insert(parts.len());
        if part == parts.len() {
            parts.push(Vec::new());
        }
        parts[part].push(node);
    }
    parts
}

/// Disjoint sets of nodes: each node holds another node of its set; the root holds itself.
struct Sets(Vec<usize>);

impl Sets {
    fn root(&mut self, mut node: usize) -> usize {
        while self.0[node] != node {
            self.0[node] = self.0[self.0[node]];
            node = self.0[node];
        }
        node
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}

/// Points to test diagrams with.
#[cfg(test)]
pub(crate) mod samples {
    use std::collections::BTreeSet;
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::*;

    const TOML: &str = r#"
        base = "main"
        remote = ""
        [axes]
        component = { set = ["gcc", "go"] }
        arch = { set = ["a", "b", "c"] }
        step = { chain = "step{n}", from = 1 }
        [systems]
        "*" = "x86_64-linux"
    "#;

    pub(crate) fn config() -> &'static Config {
        static CONFIG: LazyLock<Config> = LazyLock::new(|| Config::parse("lattice.toml", TOML.as_bytes()).unwrap());
        &CONFIG
    }

    /// Different points in table order.
    pub(crate) fn points() -> impl Strategy<Value = Vec<Point>> {
        let set = |values: &'static [&'static str]| subsequence(values, 1..=values.len());
        let point = (set(&["gcc", "go"]), set(&["a", "b", "c"]), 1..5_u8);
        prop::collection::vec(point, 1..25).prop_map(|points| {
            let spell = |(component, arch, step): &(Vec<&str>, Vec<&str>, u8)| {
                format!("{}/{}/step{step}", component.join("+"), arch.join("+"))
            };
            let points = points.iter().map(|point| config().lattice.parse_point(&spell(point)).unwrap());
            points.collect::<BTreeSet<_>>().into_iter().collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::samples::{config, points};
    use super::*;

    /// The edges of each point, with `~` where they skip points, and the rank of each; then the parts.
    fn drawn(all: &[&str], selected: &[&str]) -> (Vec<String>, Vec<Vec<usize>>) {
        let config = config();
        let read = |names: &[&str]| names.iter().map(|it| config.lattice.parse_point(it).unwrap()).collect::<Vec<_>>();
        let (all, points) = (read(all).into_iter().collect(), read(selected));
        let diagram = Diagram::of(config, &all, &points.iter().collect::<Vec<_>>());
        let edge = |edge: &Edge| {
            let to = edge.to.map_or("main", |to| selected[to]);
            format!("{}{to}", if edge.is_direct { "" } else { "~" })
        };
        let node = |(i, node): (usize, &Node)| {
            let below: Vec<_> = node.below.iter().map(edge).collect();
            format!("{} > {} #{}", selected[i], below.join(" "), node.rank)
        };
        (diagram.nodes.iter().enumerate().map(node).collect(), diagram.parts)
    }

    #[test]
    fn join_stands_on_its_parts() {
        let all = ["gcc/a/step1", "gcc/a/step2", "gcc/b/step1", "gcc/a+b/step2", "go/b/step1"];
        let (nodes, parts) = drawn(&all, &all);
        let expected = [
            "gcc/a/step1 > main #0",
            "gcc/a/step2 > gcc/a/step1 #1",
            "gcc/b/step1 > main #0",
            "gcc/a+b/step2 > gcc/a/step2 gcc/b/step1 #2",
            "go/b/step1 > main #0",
        ];
        assert_eq!(nodes, expected);
        assert_eq!(parts, [vec![0, 1, 2, 3], vec![4]]);
    }

    #[test]
    fn edges_of_a_selection_skip_other_points() {
        let all = ["gcc/a/step1", "gcc/a/step2", "gcc/a/step3", "gcc/a/step4", "gcc/b/step1", "gcc+go/b/step2"];
        let (nodes, parts) = drawn(&all, &["gcc/a/step2", "gcc/a/step4", "gcc/b/step1", "gcc+go/b/step2"]);
        let expected = [
            "gcc/a/step2 > ~main #0",
            "gcc/a/step4 > ~gcc/a/step2 #1",
            "gcc/b/step1 > main #0",
            "gcc+go/b/step2 > gcc/b/step1 #1",
        ];
        assert_eq!(nodes, expected);
        assert_eq!(parts, [[0, 1, 2, 3]]);
    }

    /// Whether a way of edges leads down from one node to the other.
    fn leads(diagram: &Diagram, from: usize, to: usize) -> bool {
        diagram.nodes[from].covers().any(|cover| cover == to || leads(diagram, cover, to))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn edges_are_the_fewest_that_show_the_order(all in points(), every in 1..4_usize) {
            let selected: Vec<&Point> = all.iter().step_by(every).collect();
            let diagram = Diagram::of(config(), &all.iter().cloned().collect(), &selected);
            for (upper, lower) in (0..selected.len()).flat_map(|i| (0..selected.len()).map(move |j| (i, j))) {
                let is_below = selected[lower].is_below(selected[upper]);
                prop_assert_eq!(is_below, leads(&diagram, upper, lower));
                let is_edge = diagram.nodes[upper].covers().any(|cover| cover == lower);
                let is_detour = diagram.nodes[upper].covers().any(|cover| leads(&diagram, cover, lower));
                prop_assert!(!(is_edge && is_detour), "an edge should not repeat a way");
            }
            for (from, edge) in diagram.edges() {
                let (upper, lower) = (selected[from], edge.to.map(|to| selected[to]));
                let is_between = |it: &&Point| it.is_below(upper) && lower.is_none_or(|lower| lower.is_below(it));
                prop_assert_eq!(edge.is_direct, !all.iter().any(|it| is_between(&it)));
            }
        }
    }
}
