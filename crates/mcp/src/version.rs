//! Which revisions of MCP are there, and which do we speak?

use std::fmt;

/// A published revision of MCP. Ordered by date.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProtocolVersion {
    /// 2024-11-05, of the HTTP+SSE transport. Known by name, not served.
    V2024_11_05,
    /// 2025-03-26: Streamable HTTP, batches.
    V2025_03_26,
    /// 2025-06-18: version header, protected resource metadata, no batches.
    V2025_06_18,
    /// 2025-11-25: the last revision with sessions.
    V2025_11_25,
    /// 2026-07-28: every request stands alone.
    V2026_07_28,
}

/// The revisions with `initialize` and sessions that we serve, oldest first.
pub const LEGACY: [ProtocolVersion; 3] = [ProtocolVersion::V2025_03_26, ProtocolVersion::V2025_06_18, ProtocolVersion::V2025_11_25];

/// The revisions without sessions that we serve, oldest first.
pub const MODERN: [ProtocolVersion; 1] = [ProtocolVersion::V2026_07_28];

/// The newest revision that `initialize` can agree on.
pub const NEWEST_LEGACY: ProtocolVersion = ProtocolVersion::V2025_11_25;

/// What a legacy request without a version header speaks (2025-06-18, transports: "SHOULD assume 2025-03-26").
pub const ASSUMED: ProtocolVersion = ProtocolVersion::V2025_03_26;

impl ProtocolVersion {
    /// The revision written exactly so, served or not.
    pub fn parse(text: &str) -> Option<Self> {
        KNOWN.into_iter().find(|version| version.as_str() == text)
    }

    /// The date that names the revision.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Whether the revision is one of [`MODERN`].
    pub fn is_modern(self) -> bool {
        MODERN.contains(&self)
    }

    /// Whether we serve the revision.
    pub fn is_served(self) -> bool {
        MODERN.contains(&self) || LEGACY.contains(&self)
    }

    /// Whether a body may be a batch: in 2025-03-26 alone.
    pub fn allows_batches(self) -> bool {
        self == Self::V2025_03_26
    }

    /// What to answer to `initialize` that asks for `requested`: the same if we serve it as a legacy revision, else our newest
    /// legacy one. The modern revisions are never agreed on this way.
    pub fn negotiate(requested: &str) -> Self {
        Self::parse(requested).filter(|version| LEGACY.contains(version)).unwrap_or(NEWEST_LEGACY)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The revision written exactly as `text`, served or not.
pub fn parse(text: &str) -> Option<ProtocolVersion> {
    ProtocolVersion::parse(text)
}

/// Whether `text`, as a version header, puts a message in the modern era: a date from 2026-07-28 on, or no date at all.
///
/// What we do not know must meet the modern checks; to read it as legacy would let a caller dodge them.
pub fn is_modern(text: &str) -> bool {
    !is_date(text) || text >= ProtocolVersion::V2026_07_28.as_str()
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

const KNOWN: [ProtocolVersion; 5] = [
    ProtocolVersion::V2024_11_05,
    ProtocolVersion::V2025_03_26,
    ProtocolVersion::V2025_06_18,
    ProtocolVersion::V2025_11_25,
    ProtocolVersion::V2026_07_28,
];

#[cfg(test)]
mod tests {
    use super::{ProtocolVersion, is_modern};

    #[test]
    fn every_known_version_parses_to_itself() {
        for version in super::KNOWN {
            assert_eq!(super::parse(version.as_str()), Some(version));
        }
        assert_eq!(super::parse("2025-11-25 "), None);
    }

    #[test]
    fn initialize_never_agrees_on_a_modern_version() {
        assert_eq!(ProtocolVersion::negotiate("2026-07-28"), ProtocolVersion::V2025_11_25);
        assert_eq!(ProtocolVersion::negotiate("2024-11-05"), ProtocolVersion::V2025_11_25);
        assert_eq!(ProtocolVersion::negotiate("2025-06-18"), ProtocolVersion::V2025_06_18);
    }

    #[test]
    fn later_dates_and_unknown_formats_are_modern() {
        for text in ["2026-07-28", "2026-07-29", "9999-99-99", "draft", "", "2025-11-25x", "DRAFT-2026-v1"] {
            assert!(is_modern(text), "{text}");
        }
        for text in ["2024-11-05", "2025-03-26", "2025-11-25", "2026-07-27", "1999-01-01"] {
            assert!(!is_modern(text), "{text}");
        }
    }

    #[test]
    fn only_the_first_streamable_revision_has_batches() {
        assert_eq!(super::KNOWN.into_iter().filter(|version| version.allows_batches()).count(), 1);
    }
}
