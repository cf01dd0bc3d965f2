//! SHA-256 hashes as Nix writes them.

use std::fmt;

use sha2::{Digest as _, Sha256 as Hasher};

/// The alphabet of Nix's base 32 (`src/libutil/hash.cc`).
const BASE32: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";
/// The alphabet of base 64 (RFC 4648).
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The number of bytes of a hash.
const LEN: usize = 32;

/// A SHA-256 hash. It is printed in SRI form, `sha256-` and base 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; LEN]);

impl Sha256 {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hasher::digest(bytes).into())
    }

    /// Parses each form of Nix: SRI, and base 16, 32 or 64 with or without `sha256:`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(sri) = text.strip_prefix("sha256-") {
            return base64(sri).map(Self);
        }
        let text = text.strip_prefix("sha256:").unwrap_or(text);
        match text.len() {
            64 => base16(text).map(Self),
            52 => base32(text).map(Self),
            44 => base64(text).map(Self),
            _ => None,
        }
    }

    /// Whether this is the hash of zeros that stands for an unknown one.
    pub fn is_placeholder(self) -> bool {
        self.0 == [0; LEN]
    }

    /// In base 16.
    pub fn hex(self) -> String {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
    }

    /// In Nix's base 32, shortened to 20 bytes: the hash in the name of a store path (`compressHash` in `hash.cc`).
    pub fn store_hash(self) -> String {
        let mut short = [0; 20];
        self.0.iter().enumerate().for_each(|(i, byte)| short[i % 20] ^= byte);
        (0..32).rev().map(|n| char::from(BASE32[usize::from(five_bits(&short, n * 5))])).collect()
    }
}

/// The five bits that begin at bit `at`, the lowest bit of the first byte being 0.
fn five_bits(bytes: &[u8], at: usize) -> u8 {
    let (byte, shift) = (at / 8, at % 8);
    let high = bytes.get(byte + 1).copied().unwrap_or_default();
    let pair = u16::from_le_bytes([bytes[byte], high]);
    u8::try_from((pair >> shift) & 31).unwrap_or_default()
}

fn base16(text: &str) -> Option<[u8; LEN]> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect();
    bytes.try_into().ok()
}

fn base32(text: &str) -> Option<[u8; LEN]> {
    let mut bytes = [0; LEN + 1];
    for (n, digit) in text.bytes().rev().enumerate() {
        let value = u16::try_from(BASE32.iter().position(|known| *known == digit)?).ok()?;
        let [low, high] = (value << (n * 5 % 8)).to_le_bytes();
        bytes[n * 5 / 8] |= low;
        bytes[n * 5 / 8 + 1] |= high;
    }
    // The digits have four bits more than the hash.
    bytes[..LEN].try_into().ok().filter(|_| bytes[LEN] == 0)
}

fn base64(text: &str) -> Option<[u8; LEN]> {
    let digits = text.strip_suffix('=').filter(|digits| digits.len() == 43)?;
    let mut bits: Vec<u8> = Vec::with_capacity(44 * 6 / 8);
    let (mut buffer, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        buffer = (buffer << 6 | u32::try_from(BASE64.iter().position(|known| *known == digit)?).ok()?) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bits.push(u8::try_from((buffer >> count) & 0xff).unwrap_or_default());
        }
    }
    bits.try_into().ok()
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256-")?;
        for chunk in self.0.chunks(3) {
            let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for n in 0..=chunk.len() {
                let at = usize::try_from((bits >> (18 - 6 * n)) & 63).unwrap_or_default();
                fmt::Write::write_char(f, char::from(BASE64[at]))?;
            }
        }
        f.write_str("=")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // `nix hash file --base16|--base32|--base64|--sri` of an empty file.
    const EMPTY: [&str; 4] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    ];

    #[test]
    fn reads_each_form_and_prints_sri() {
        for text in EMPTY {
            assert_eq!(Sha256::parse(text), Some(Sha256::of(b"")), "{text}");
            assert_eq!(Sha256::parse(&format!("sha256:{text}")).is_some(), !text.starts_with("sha256-"), "{text}");
        }
        assert_eq!(Sha256::of(b"").to_string(), EMPTY[3]);
        assert_eq!(Sha256::of(b"").hex(), EMPTY[0]);
        let zeros = Sha256::parse("sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert!(zeros.is_some_and(Sha256::is_placeholder) && !Sha256::of(b"").is_placeholder());
    }

    #[test]
    fn refuses_what_is_no_hash() {
        for text in
            ["", "sha256-", "sha256-AAAA", &"g".repeat(64), &"z".repeat(52), &"e".repeat(52), &"A".repeat(44), "ä"]
        {
            assert_eq!(Sha256::parse(text), None, "{text}");
        }
    }
}
