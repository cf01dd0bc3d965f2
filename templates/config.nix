<% extends "flake.nix" %>
<% block template %>config<% endblock %>
<% block build %>
      # The builder is part of Nix: it needs no shell (many a sandbox has one without mkdir and cp) and runs nothing.
      # It unpacks one file from a tar archive and names it. A Nix string cannot hold a zero byte, so the archive has
      # none: its numbers are octal digits, and spaces fill its fields. The sum is that of the header's 512 bytes; it
      # depends on the digits of the size, which has eleven of them (8589934592 is 8^11, a one in front).
      config = builtins.readFile ./config.toml;
      length = builtins.stringLength config;
      spaces = builtins.concatStringsSep "" (builtins.genList (_: " ") 512);
      fill = width: text: builtins.substring 0 width (text + spaces);
      octal = n: if n == 0 then "" else octal (n / 8) + toString (builtins.bitAnd n 7);
      digits = n: if n == 0 then 0 else digits (n / 8) + builtins.bitAnd n 7;
      size = length + 8589934592;
      archive = builtins.concatStringsSep "" [
        (fill 100 "config.toml")
        "0000644 0000000 0000000 "
        (builtins.substring 1 11 (octal size))
        " 00000000000 "
        (fill 8 (octal (digits size + 17869)))
        (fill 356 "0")
        config
        (builtins.substring 0 (builtins.bitAnd (-length) 511) spaces)
      ];

      build =
        system:
        derivation {
          inherit (lattice) name point;
          inherit system;<% if !flake.below.is_empty() %>
          previous = outputsBelow system;<% endif %>
          builder = "builtin:unpack-channel";
          channelName = "config.toml";
          src = builtins.toFile "config.tar" archive;
        };
<%- endblock %>
