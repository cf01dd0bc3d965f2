//! serde helpers: object ids as hexadecimal text.

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

use super::{Oid, parse_oid};

/// Serialize an id.
///
/// # Errors
/// When it cannot be written.
pub fn serialize<S: Serializer>(id: &Oid, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(id)
}

/// Deserialize an id.
///
/// # Errors
/// When the text is not an object id.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Oid, D::Error> {
    parse_oid(&String::deserialize(from)?).map_err(D::Error::custom)
}

/// The same for lists of ids.
pub mod list {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::git::{Oid, parse_oid};

    /// Serialize ids.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn serialize<S: Serializer>(ids: &[Oid], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(ids.iter().map(ToString::to_string))
    }

    /// Deserialize ids.
    ///
    /// # Errors
    /// When one of the texts is not an object id.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Oid>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| parse_oid(text)).collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}
