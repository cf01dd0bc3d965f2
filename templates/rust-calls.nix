<#- The script by which a build lists its calls of rustc and cargo. #>

      # With `calls = true` in [rust]: a script that runs rustc or cargo, whichever name it has, and then writes a line of
      # JSON about that. Of the environment it writes these variables.
      variables = [
        "CARGO_MANIFEST_DIR"
        "CARGO_PKG_NAME"
        "CARGO_PKG_VERSION"
        "HOST"
        "LD_LIBRARY_PATH"
        "OUT_DIR"
        "PROFILE"
        "RUSTC_BOOTSTRAP"
        "RUSTC_STAGE"
        "RUSTFLAGS"
        "TARGET"
      ];
      recorder = programs: ''
        #!/bin/sh
        case ''${0##*/} in
          cargo) program=${programs.cargo} ;;
          *) program=${programs.rustc} ;;
        esac
        tab=$(printf '\t')
        newline='
        '
        line=
        json() {
          rest=$1
          line="$line\""
          while
            head=''${rest%%[\\\"$tab$newline]*}
            line=$line$head
            [ "$head" != "$rest" ]
          do
            rest=''${rest#"$head"}
            case $rest in
              \"*) line=$line'\"' ;;
              \\*) line=$line'\\' ;;
              "$tab"*) line=$line'\t' ;;
              *) line=$line'\n' ;;
            esac
            rest=''${rest#?}
          done
          line="$line\""
        }
        hundredths() {
          read -r up idle </proc/uptime
          echo $((''${up%.*}''${up#*.}))
        }
        begin=$(hundredths)
        "$program" "$@"
        code=$?
        took=$(($(hundredths) - begin))
        line='{"program":'
        json "$program"
        line="$line,\"directory\":"
        json "$PWD"
        line="$line,\"arguments\":["
        comma=
        for argument; do
          line=$line$comma
          json "$argument"
          comma=,
        done
        line="$line],\"environment\":{"
        comma=
        for name in ${toString variables}; do
          eval "value=\''${$name-}"
          [ -n "$value" ] || continue
          line="$line$comma\"$name\":"
          json "$value"
          comma=,
        done
        line="$line},\"seconds\":$((took / 100)).$((took / 10 % 10))$((took % 10))}"
        printf '%s\n' "$line" >>"$NIX_BUILD_TOP/calls/$$"
        exit $code
      '';
      records = rust.calls or false == true;
      recorded =
        programs:
        if records then builtins.mapAttrs (name: _: "/build/recorder/${name}") programs else programs;
