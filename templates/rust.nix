<% extends "flake.nix" %>
<% block template %>rust<% endblock %>
<% block inputs %><% include "rust-inputs.nix" %><% endblock %>
<% block build %>
<%- include "arguments.nix" %>
<%- if !flake.trees.is_empty() %>

      # Trees of files that [nix] in config.toml names. Each step has its own, also when a step above takes it: then its
      # flake.lock says which.
      trees = [<% for tree in flake.trees %>
        "<{ tree.name }>"<% endfor %>
      ];
      locked = builtins.fromJSON (builtins.readFile ./flake.lock);
      node = name: locked.nodes.${locked.nodes.${locked.root}.inputs.${name}};
      input = name: inputs.${name} or (builtins.fetchTree (node name).locked);
<%- endif %>
<%- include "rust-config.nix" %>
<%- include "rust-calls.nix" %>

      # The source: [sources.rust], else `version` and `hash` in [rust]<% if flake.has_tree("rust-src") %>, else the input<% endif %>.
<%- if flake.has_tree("rust-src") %>
      source = step: step.sources.rust or (if rust ? hash then released else input "rust-src");
<%- else %>
      source = step: step.sources.rust or released;
<%- endif %>
      released = fixed "rust" "flat" (rust.hash or "") (rust.url or archive);
      archive = "https://static.rust-lang.org/dist/rustc-${version}-src.tar.xz";

      # The compiler to start from: rustc N is compiled by rustc N-1 or N. [rust] compiler in config.toml chooses one of
      # these places, or the name of a point below; else it is the first that there is.
      compiler =
        step: name:
        let
          path = known (rust.${name} or (table "build").${name} or "");
          every = builtins.attrValues step.seeds;
          only = if builtins.length every == 1 then builtins.head every else null;
          seed = step.seeds.${name} or step.seeds.rust or only;
          first =
            if step.previous != null then
              "below"
            else if path != "" then
              "config"
            else if seed != null then
              "seed"
            else
              "nixpkgs";
          place = rust.compiler or first;
          places = {
            inherit seed;
            below = step.previous;
            config = dirOf (dirOf path);
<%- if flake.has_tree("rust-overlay") %>
            nixpkgs =
              let
                pkgs = inputs.nixpkgs.legacyPackages.${step.system};
                versions = (pkgs.extend (import (input "rust-overlay"))).rust-bin.stable;
              in
              (versions.${before} or versions.latest).default;
<%- else if flake.nixpkgs.is_some() %>
            nixpkgs = inputs.nixpkgs.legacyPackages.${step.system}.${name};
<%- endif %>
          };
          tree = places.${place} or (step.output place);
        in
        {
          inherit tree;
          program = if place == "config" then path else "${tree}/bin/${name}";
        };
<%- if flake.has_tree("rust-overlay") %>
      before =
        let
          parts = builtins.splitVersion version;
          minor = builtins.fromJSON (builtins.elemAt parts 1);
        in
        if version == "" then "latest" else "${builtins.head parts}.${toString (minor - 1)}.0";
<%- endif %>

      build =
        system:
        let
          step = arguments system;
          rustc = compiler step "rustc";
          cargo = compiler step "cargo";
          programs = {
            rustc = rustc.program;
            cargo = cargo.program;
          };
        in
        import ./step.nix (
          step
          // {
            inherit env;
            src = source step;
            rustc = rustc.tree;
            cargo = cargo.tree;
            xpyToml = forXpy (recorded programs);
            recorder = if records then recorder programs else null;
            pkgs = <% if flake.nixpkgs.is_some() %>inputs.nixpkgs.legacyPackages.${system}<% else %>null<% endif %>;
            inputs = <% if flake.trees.is_empty() %>{ }<% else %>builtins.listToAttrs (
              map (name: {
                inherit name;
                value = input name;
              }) trees
            )<% endif %>;
          }
        );
<%- endblock %>
