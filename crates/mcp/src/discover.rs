//! What does a `server/discover` result say, and how is it narrowed to what the door speaks?

use serde_json::value::RawValue;

use crate::envelope::Place;
use crate::list::{ListError, retain};
use crate::raw::RawJson;
use crate::splice::Edit;
use crate::strict::read_members;
use crate::version::ProtocolVersion;

/// The edits of `result_raw` that take every version out of `supportedVersions` that is not one of `ours`.
///
/// `result_raw` is the `result` member of the response as written. Order and spelling of the versions that stay are kept.
pub fn restrict_versions(result_raw: &str, ours: &[ProtocolVersion]) -> Result<Vec<Edit>, ListError> {
    let Some(versions) = listed(result_raw)? else {
        return Ok(Vec::new());
    };
    retain(result_raw, versions, |_, item| Ok(known(item).is_some_and(|version| ours.contains(&version))))
}

/// The versions of `supportedVersions` that we know, in the order of the result. None when the result is no discovery: a
/// server that answers any method might send one.
pub fn supported_versions(result_raw: &str) -> Result<Option<Vec<ProtocolVersion>>, ListError> {
    let Some(versions) = listed(result_raw)? else {
        return Ok(None);
    };
    let items: Vec<&RawValue> = serde_json::from_str(versions.as_str()).map_err(|_| ListError::NotAnArray)?;
    Ok(Some(items.into_iter().filter_map(|item| known(RawJson::trusted(item.get()))).collect()))
}

fn listed(result_raw: &str) -> Result<Option<RawJson<'_>>, ListError> {
    let [versions] = read_members(result_raw, Place::Result, &["supportedVersions"])?;
    Ok(versions)
}

fn known(item: RawJson<'_>) -> Option<ProtocolVersion> {
    item.decode_string().and_then(|text| ProtocolVersion::parse(&text))
}

#[cfg(test)]
mod tests {
    use super::{restrict_versions, supported_versions};
    use crate::list::ListError;
    use crate::splice::splice;
    use crate::version::{MODERN, ProtocolVersion};

    fn restricted(result: &str, ours: &[ProtocolVersion]) -> String {
        String::from_utf8(splice(result.as_bytes(), &restrict_versions(result, ours).unwrap())).unwrap()
    }

    #[test]
    fn versions_that_are_not_ours_go_and_the_rest_stays_as_it_was() {
        let result = r#"{"supportedVersions":[ "2027-01-01", "2026-07-28", "2025-11-25" ],"capabilities":{"x":1.10}}"#;
        assert_eq!(restricted(result, &MODERN), r#"{"supportedVersions":[ "2026-07-28" ],"capabilities":{"x":1.10}}"#);
    }

    #[test]
    fn nothing_in_common_leaves_an_empty_list() {
        assert_eq!(restricted(r#"{"supportedVersions":["2027-01-01"]}"#, &MODERN), r#"{"supportedVersions":[]}"#);
    }

    #[test]
    fn known_versions_are_read_in_order() {
        let result = r#"{"supportedVersions":["2026-07-28",7,"x","2025-06-18"]}"#;
        let versions = supported_versions(result).unwrap().unwrap();
        assert_eq!(versions, [ProtocolVersion::V2026_07_28, ProtocolVersion::V2025_06_18]);
    }

    #[test]
    fn a_result_without_versions_is_no_discovery() {
        assert_eq!(supported_versions(r#"{"tools":[]}"#), Ok(None));
        assert!(restrict_versions(r#"{"tools":[]}"#, &MODERN).unwrap().is_empty());
    }

    #[test]
    fn versions_that_are_no_list_or_stand_twice_are_refused() {
        assert_eq!(supported_versions(r#"{"supportedVersions":"2026-07-28"}"#), Err(ListError::NotAnArray));
        let twice = r#"{"supportedVersions":[],"supportedVersions":[]}"#;
        assert!(matches!(restrict_versions(twice, &MODERN), Err(ListError::Ambiguous(_))));
    }
}
