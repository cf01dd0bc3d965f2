//! For arbitrary values, a rendered flake parses, contains the values unchanged, and is formatted as by nixfmt.

use askama::filters::Escaper as _;
use proptest::prelude::*;
use rnix::SyntaxNode;
use rnix::ast::{self, AstNode, InterpolPart};

use super::escape::NixString;
use super::{Error, Flake, FlakeInputs, Previous, TREES, Template, Tree};
use crate::system::System;

const SYSTEMS: [&str; 2] = ["aarch64-linux", "x86_64-linux"];
const DIRS: [&str; 2] = ["../step1", "../../../aarch64+x86_64/phase0/step-1.b_c"];

/// A flake whose every value is `text`.
fn flake(text: &str, systems: usize, previous: usize) -> Flake {
    Flake {
        point: text.to_owned(),
        coordinates: vec![("arch".into(), vec![text.into(), text.into()]), ("phase 0".into(), vec![text.into()])],
        systems: SYSTEMS[..systems].iter().map(|system| System::parse(system).unwrap()).collect(),
        branch: text.to_owned(),
        previous: DIRS[..previous].iter().map(|dir| Previous { point: text.into(), dir: (*dir).into() }).collect(),
        inputs: inputs(text, Some(text), 0),
    }
}

/// The inputs with the first trees, whose references are `text`.
fn inputs(text: &str, nixpkgs: Option<&str>, trees: usize) -> FlakeInputs {
    let trees = TREES[..trees].iter().map(|(name, _)| Tree { name, url: text.to_owned() });
    FlakeInputs { nixpkgs: nixpkgs.map(str::to_owned), trees: trees.collect() }
}

fn parsed(text: &str) -> SyntaxNode {
    let parse = rnix::Root::parse(text);
    assert_eq!(parse.errors(), &[], "should be Nix:\n{text}");
    parse.syntax()
}

fn nodes<N: AstNode>(root: &SyntaxNode) -> impl Iterator<Item = N> {
    root.descendants().filter_map(N::cast)
}

/// The value of a string without interpolation.
fn meaning(string: &ast::Str) -> Option<String> {
    let literal = |part| match part {
        InterpolPart::Literal(text) => Some(text),
        InterpolPart::Interpolation(_) => None,
    };
    string.normalized_parts().into_iter().map(literal).collect()
}

/// The strings that come from the values, in the order of the template.
fn expected(template: Template, flake: &Flake) -> Vec<String> {
    let text = &flake.point;
    let mut all = vec![text.clone()];
    all.extend(template.taken(&flake.inputs).named().map(|(_, url)| url.to_owned()));
    all.push(super::store_name(text));
    all.extend([text, text, text, text, "phase 0", text].map(str::to_owned));
    all.extend(flake.systems.iter().map(ToString::to_string));
    all.extend(flake.previous.iter().map(|_| text.clone()));
    all
}

fn assert_reads_back(template: Template, flake: &Flake) {
    let text = template.render(flake).unwrap();
    assert!(super::is_marked(text.as_bytes()), "the first line should say who made it:\n{text}");
    let root = parsed(&text);
    let expected = expected(template, flake);
    let strings: Vec<_> = nodes::<ast::Str>(&root).take(expected.len()).map(|it| meaning(&it).unwrap()).collect();
    assert_eq!(strings, expected, "each value should read back:\n{text}");
    let plain = Flake {
        inputs: inputs("plain", Some("plain"), flake.inputs.trees.len()),
        ..self::flake("plain", flake.systems.len(), flake.previous.len())
    };
    let plain = parsed(&template.render(&plain).unwrap());
    let kinds = |root: &SyntaxNode| root.descendants().map(|node| node.kind()).collect::<Vec<_>>();
    assert_eq!(kinds(&root), kinds(&plain), "no value should change the shape:\n{text}");
}

fn assert_formatted(text: &str) {
    let formatted = nixfmt_rs::format(text).unwrap();
    assert_eq!(formatted, text, "nixfmt should leave this as it is");
}

fn any_template() -> impl Strategy<Value = Template> {
    proptest::sample::select(&Template::ALL[..])
}

fn hostile() -> impl Strategy<Value = String> {
    let snippets =
        ["\"", "\\", "$", "${", "$${", "{", "}", "''", "'", "\n", "\r", "\t", "#", "/*", "é", "\u{feff}", "\u{1}", " "];
    let part = prop_oneof![
        4 => proptest::sample::select(snippets.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_filter("a Nix string cannot hold it", |c| *c != '\0').prop_map(String::from),
        1 => "[a-z0-9/+._-]{0,60}",
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// As many cases as `PROPTEST_CASES` asks for, else `usual`.
fn cases(usual: u32) -> ProptestConfig {
    let defaults = ProptestConfig::default();
    let cases = if defaults.cases == 256 { usual } else { defaults.cases };
    ProptestConfig { cases, failure_persistence: None, ..defaults }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn hostile_values_read_back(
        text in hostile(),
        template in any_template(),
        systems in 0..3_usize,
        previous in 0..3_usize,
        trees in 0..5_usize,
    ) {
        let inputs = inputs(&text, Some(&text), trees);
        assert_reads_back(template, &Flake { inputs, ..flake(&text, systems, previous) });
    }

    #[test]
    fn hostile_axis_names_read_back(axis in hostile()) {
        let flake = Flake { coordinates: vec![(axis.clone(), Vec::new())], ..flake("p", 1, 0) };
        let Ok(text) = Template::Config.render(&flake) else { return Ok(()) };
        let names: Vec<String> = nodes::<ast::Attrpath>(&parsed(&text)).flat_map(|path| path.attrs()).filter_map(name).collect();
        prop_assert!(names.contains(&axis), "`{axis}` should be in {names:?}");
        assert_formatted(&text);
    }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn nixfmt_changes_nothing(
        text in prop_oneof!["[a-z/+]{1,130}", hostile()],
        template in any_template(),
        systems in 0..3_usize,
        previous in 0..3_usize,
        trees in 0..5_usize,
    ) {
        let inputs = inputs(&text, Some(&text), trees);
        assert_formatted(&template.render(&Flake { inputs, ..flake(&text, systems, previous) }).unwrap());
    }
}

fn name(attr: ast::Attr) -> Option<String> {
    match attr {
        ast::Attr::Ident(ident) => Some(ident.ident_token()?.text().to_owned()),
        ast::Attr::Str(string) => meaning(&string),
        ast::Attr::Dynamic(_) => None,
    }
}

/// All kinds of flakes and all starters, each with a name for messages.
fn all_texts() -> Vec<(String, String)> {
    let shapes = (0..3).flat_map(|systems| (0..3).map(move |previous| (systems, previous)));
    let flakes = shapes.flat_map(|(systems, previous)| {
        Template::ALL.map(|template| {
            let text = template.render(&flake("a/b/c", systems, previous)).unwrap();
            (format!("{} with {systems} systems, {previous} below", template.name()), text)
        })
    });
    let with_inputs = (0..5).flat_map(|trees| [None, Some("nixpkgs")].map(|nixpkgs| (trees, nixpkgs)));
    let rust = with_inputs.flat_map(|(trees, nixpkgs)| {
        [0, 1].map(|previous| {
            let flake = Flake { inputs: inputs("x", nixpkgs, trees), ..flake("a/b/c", 1, previous) };
            let text = Template::Rust.render(&flake).unwrap();
            (format!("rust with {nixpkgs:?}, {trees} trees and {previous} below"), text)
        })
    });
    let starters = Template::starters().enumerate().map(|(n, text)| (format!("starter {n}"), text.to_owned()));
    flakes.chain(rust).chain(starters).collect()
}

#[test]
fn all_are_formatted() {
    for (_, text) in all_texts() {
        assert_formatted(&text);
    }
}

/// No binding or argument is unused, which deadnix would report.
#[test]
fn all_bindings_are_used() {
    for (what, text) in all_texts() {
        let root = parsed(&text);
        let uses = |word: &str| nodes::<ast::Ident>(&root).filter(|it| it.to_string() == word).count();
        let bound = nodes::<ast::LetIn>(&root).flat_map(|it| nodes_of_let(&it));
        let params = nodes::<ast::Param>(&root).flat_map(|it| param_names(&it));
        for word in bound.chain(params).filter(|word| !word.starts_with('_')) {
            assert!(uses(&word) > 1, "`{word}` should be used in {what}:\n{text}");
        }
    }
}

/// No `a = a;` or `a = b.a;`, for which statix would suggest `inherit`.
#[test]
fn no_binding_could_be_inherit() {
    for (what, text) in all_texts() {
        for entry in nodes::<ast::AttrpathValue>(&parsed(&text)) {
            let (key, value) = (entry.attrpath().unwrap().to_string(), entry.value().unwrap().to_string());
            assert!(value != key && !value.ends_with(&format!(".{key}")), "`{key} = {value}` in {what}");
        }
    }
}

fn nodes_of_let(binding: &ast::LetIn) -> Vec<String> {
    use rnix::ast::HasEntry as _;
    binding.attrpath_values().filter_map(|it| name(it.attrpath()?.attrs().next()?)).collect()
}

fn param_names(param: &ast::Param) -> Vec<String> {
    match param {
        ast::Param::Pattern(pattern) => pattern.pat_entries().filter_map(|it| Some(it.ident()?.to_string())).collect(),
        ast::Param::IdentParam(it) => it.ident().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn refuses_values_that_nix_cannot_hold() {
    let with = |change: fn(&mut Flake)| {
        let mut flake = flake("p", 1, 1);
        change(&mut flake);
        Template::Config.render(&flake).unwrap_err()
    };
    assert!(matches!(with(|it| it.branch = "a\0b".into()), Error::ZeroByte { what: "branch", .. }));
    assert!(matches!(with(|it| it.coordinates[1].0 = "arch".into()), Error::AxisTwice(axis) if axis == "arch"));
    assert!(matches!(with(|it| it.coordinates[1].0 = "é".repeat(90)), Error::AxisTooLong(_)));
    for dir in ["", "../a b", "../a//b", "../é", "../${x}", "/etc", "../a/.", "../a/"] {
        assert!(super::FlakePath::in_dir(dir).is_none(), "`{dir}` should be refused");
    }
    assert_eq!(with(|it| it.previous[0].dir = "../$x".into()).to_string().split('`').nth(1), Some("../$x"));
}

#[test]
fn flake_paths_are_nix_path_literals() {
    for (dir, path) in [("..", "../flake.nix"), ("../a+b", "../a+b/flake.nix"), ("x/y", "./x/y/flake.nix")] {
        let text = super::FlakePath::in_dir(dir).unwrap().to_string();
        assert_eq!(text, path);
        assert!(
            matches!(ast::Root::parse(&text).tree().expr(), Some(ast::Expr::PathRel(_))),
            "`{text}` should be a path"
        );
    }
}

#[test]
fn escapes_brace_after_dollar_of_template() {
    let mut text = "\"$".to_owned();
    NixString.write_escaped_str(&mut text, "{x}").unwrap();
    let strings: Vec<_> = nodes::<ast::Str>(&parsed(&(text + "\""))).map(|it| meaning(&it)).collect();
    assert_eq!(strings, [Some("${x}".to_owned())]);
}

#[test]
fn store_names_are_legal() {
    let long = "x".repeat(500);
    let cases = [
        ("a/b+c/d", "a-b+c-d"),
        ("", "point"),
        (".a", "point.a"),
        ("é", "point-"),
        ("a.drv", "a-drv"),
        (&long, &long[..160]),
    ];
    for (point, name) in cases {
        assert_eq!(super::store_name(point), name);
    }
}

#[test]
fn template_names_parse_back() {
    for it in Template::ALL {
        assert_eq!(Template::parse(it.name()).unwrap(), it);
    }
    assert!(Template::parse("confg").unwrap_err().to_string().contains("config, step, nixpkgs, rust"));
    assert!(
        Template::ALL.iter().all(|it| it.source().contains("outputs =")),
        "a source should contain the shared part"
    );
}
