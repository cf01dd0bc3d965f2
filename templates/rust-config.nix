<#- Rust's part of config.toml as text for x.py. #>

      # config.toml without the empty texts that generators write for what they do not know.
      table =
        name:
        let
          all = config.${name} or { };
        in
        if builtins.isAttrs all then without all (key: all.${key} == "") else { };
      without = all: isOut: removeAttrs all (builtins.filter isOut (builtins.attrNames all));
      rust = table "rust";

      # A path in the store gets into the sandbox only if Nix knows it as one.
      known =
        text:
        let
          path = builtins.match "(${builtins.storeDir}/[0-9a-z]{32}-[-0-9a-zA-Z+._?=]+)(/.*)?" text;
          context = {
            ${builtins.head path}.path = true;
          };
        in
        if path == null || builtins.hasContext text then text else builtins.appendContext text context;
      env = builtins.mapAttrs (_: it: if builtins.isString it then known it else builtins.toJSON it) (
        table "env"
      );

      # Keys that Rust has removed, and since which version. The version is that of [rust], else that in the point's name.
      removed = {<% for it in removed %>
        "<{ it.path() }>" = "<{ it.since }>";<% endfor %>
      };
      names = "${config.sources.rust.url or ""} ${lattice.point}";
      named = builtins.match ".*rust[a-z]*[-_]?v?([0-9]+[.][0-9]+).*" names;
      version =
        if builtins.isString (rust.version or null) then
          rust.version
        else if named == null then
          ""
        else
          builtins.head named;
      isSince = since: version == "" || builtins.compareVersions version since >= 0;

      # Keys of git-lattice and of older generators, and those that a build in Nix decides.
      own = [<% for path in own %>
        "<{ path }>"<% endfor %>
      ];
      isOut = path: builtins.elem path own || (removed ? ${path} && isSince removed.${path});
      section =
        name:
        let
          all = table name;
        in
        without all (key: isOut "${name}.${key}");

      toToml =
        top: tables:
        let
          bare = key: if builtins.match "[A-Za-z0-9_-]+" key == null then builtins.toJSON key else key;
          pairs = all: map (key: "${bare key} = ${value all.${key}}") (builtins.attrNames all);
          joined = builtins.concatStringsSep ", ";
          value =
            it:
            if builtins.isAttrs it then
              "{ ${joined (pairs it)} }"
            else if builtins.isList it then
              "[ ${joined (map value it)} ]"
            else
              builtins.toJSON (if builtins.isString it then known it else it);
          targets = builtins.concatMap (triple: lines "target.${bare triple}" tables.target.${triple}) (
            builtins.attrNames tables.target
          );
          lines =
            name: all:
            [
              ""
              "[${name}]"
            ]
            ++ pairs all;
          others = removeAttrs tables [ "target" ];
          rest = builtins.concatMap (name: lines name others.${name}) (builtins.attrNames others);
        in
        builtins.concatStringsSep "\n" (pairs top ++ rest ++ targets ++ [ "" ]);

      # What x.py gets: what config.toml says, but for what the store and the sandbox without a network decide.
      forXpy =
        programs:
        let
          change = config.change-id.id or config.change-id or "";
          isNumber = builtins.isString change && builtins.match "[0-9]+" change != null;
          isChange = isNumber || builtins.isInt change || change == "ignore";
          changeId = if isNumber then builtins.fromJSON change else change;
          asList = key: it: if builtins.isString it && (key == "host" || key == "target") then [ it ] else it;
          isOutside = it: builtins.isString it && builtins.substring 0 1 it == "/";
          install = section "install";
          targets = without (table "target") (triple: !builtins.isAttrs config.target.${triple});
          top = {
            inherit (config) changelog-seen profile;
            change-id = changeId;
          };
          isTop = {
            profile = config ? profile;
            changelog-seen = config ? changelog-seen && !isOut "changelog-seen";
            change-id = isChange && isSince "1.75";
          };
          defaults = {
            docs = false;
            extended = true;
            tools = [ "cargo" ];
          };
          optional = name: if config ? ${name} then { ${name} = section name; } else { };
        in
        toToml (without top (key: !isTop.${key})) (
          {
            build =
              defaults
              // builtins.mapAttrs asList (section "build")
              // programs
              // {
                vendor = true;
              };
            install = {
              sysconfdir = "etc";
            }
            // without install (key: isOutside install.${key})
            // {
              prefix = placeholder "out";
            };
            llvm = section "llvm" // {
              download-ci-llvm = false;
            };
            rust = {
              channel = "stable";
            }
            // section "rust"
            // (if rust ? download-rustc then { download-rustc = false; } else { });
            target = builtins.mapAttrs (_: all: without all (key: all.${key} == "")) targets;
          }
          // optional "dist"
          // optional "gcc"
        );
