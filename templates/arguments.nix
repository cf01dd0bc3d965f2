<#- What a step.nix gets. #>
      config = builtins.fromTOML (builtins.readFile ./config.toml);

      # What comes from outside is named by its hash. [sources.NAME] in config.toml is a file, which Nix fetches from its
      # url; [seeds.NAME] is a tree, which `git lattice seed add` puts into the store.
      fixed =
        name: mode: hash: url:
        derivation {
          inherit name url;
          system = "builtin";
          builder = "builtin:fetchurl";
          outputHash = hash;
          outputHashAlgo = "sha256";
          outputHashMode = mode;
          preferLocalBuild = true;
          impureEnvVars = [
            "http_proxy"
            "https_proxy"
            "all_proxy"
            "no_proxy"
          ];
        };
      unpacked =
        name: src:
        derivation {
          inherit name src;
          system = "builtin";
          builder = "builtin:unpack-channel";
          channelName = name;
        };
      file =
        name: source:
        let
          urls = source.urls or [ (source.url or "git-lattice-source:${name}") ];
          archive = fixed name "flat" (source.hash or "") (builtins.head urls);
        in
        if source.unpack or false then "${unpacked name archive}/${name}" else archive;
      tree = name: seed: fixed name "recursive" (seed.hash or "") "git-lattice-seed:${name}";
<%- if flake.below.is_empty() %>

      below = { };
<%- endif %>

      # A point below by its name, or by the last coordinates where the first ones are those of this point.
      find =
        name:
        let
          split = text: builtins.filter builtins.isString (builtins.split "/" text);
          own = split lattice.point;
          missing = builtins.length own - builtins.length (split name);
          parts = builtins.genList (builtins.elemAt own) (if missing > 0 then missing else 0) ++ [ name ];
          full = builtins.concatStringsSep "/" parts;
        in
        below.${name} or below.${full}
          or (throw "`${name}` is not below ${lattice.point}: ${toString (builtins.attrNames below)}");

      # All arguments are lazy: what step.nix does not use is not evaluated.
      arguments = system: {
        inherit
          system
          lattice
          config
          below
          ;
        sources = builtins.mapAttrs file (config.sources or { });
        seeds = builtins.mapAttrs tree (config.seeds or { });
        output = name: (find name).packages.${system}.default;
        previous = <% if flake.below.is_empty() %>null<% else %>builtins.head (outputsBelow system ++ [ null ])<% endif %>;
      };
