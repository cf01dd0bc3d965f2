//! Whatever the values are: the rendered flake parses, reads back, and stays as it is under nixfmt.

use proptest::prelude::*;
use rnix::ast::{self, AstToken as _, HasEntry as _, InterpolPart};
use rowan::ast::AstNode as _;

use super::{Error, Flake, Previous, Template};
use crate::system::System;

const SYSTEMS: [&str; 2] = ["aarch64-linux", "x86_64-linux"];

fn flake(systems: usize, previous: &[&str]) -> Flake {
    let point = "gcc-13.2/aarch64+x86_64/phase0/step2".to_owned();
    Flake {
        coordinates: vec![
            ("component".into(), vec!["gcc-13.2".into()]),
            ("arch".into(), vec!["aarch64".into(), "x86_64".into()]),
        ],
        systems: SYSTEMS[..systems].iter().map(|text| System::parse(text).unwrap()).collect(),
        branch: format!("feature/{point}"),
        previous: previous.iter().map(|dir| Previous { point: (*dir).to_owned(), dir: (*dir).to_owned() }).collect(),
        nixpkgs: None,
        point,
    }
}
