//! Why does Azure give no secret? Statuses and codes, never texts: those may quote what was sent.

use azure_core::Error;
use azure_core::error::ErrorKind;
use outbound::failure::Failure;
use outbound::tls::InvalidRoots;

use crate::missing::Cause;
use crate::source::reach::{self, causes, told};

/// What a failed question means.
pub(super) fn cause_of(error: &Error) -> Cause {
    let chain = || causes(error);
    if let Some(failure) = chain().find_map(|error| error.downcast_ref::<Failure>()) {
        return reach::cause_of(failure);
    }
    if let Some(invalid) = chain().find_map(|error| error.downcast_ref::<InvalidRoots>()) {
        return Cause::Unavailable { detail: told(invalid) };
    }
    let is_about_us = matches!(error.kind(), ErrorKind::Credential) || causes(error).skip(1).any(<dyn std::error::Error>::is::<Error>);
    let kinds = || chain().filter_map(|error| error.downcast_ref::<Error>()).map(Error::kind);
    let answer = kinds().find_map(|kind| match kind {
        ErrorKind::HttpResponse { status, error_code, .. } => Some((u16::from(*status), error_code.as_deref())),
        _ => None,
    });
    match answer {
        Some((status, code)) => answered(status, code, is_about_us),
        None if is_about_us => {
            Cause::Refused { detail: "Azure gives no token: neither a workload identity, a client secret nor the machine has one".into() }
        }
        None => Cause::BadAnswer { detail: "Microsoft's library cannot read it".into() },
    }
}

/// `is_about_us`: it was the token that was asked for, not yet the vault.
fn answered(status: u16, code: Option<&str>, is_about_us: bool) -> Cause {
    match status {
        404 if !is_about_us => Cause::NotFound,
        _ => reach::answered(if is_about_us { "the token service of Azure" } else { "the vault" }, status, code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_without_the_secret_is_told_from_a_machine_without_identity() {
        assert_eq!(answered(404, Some("SecretNotFound"), false), Cause::NotFound);
        assert_eq!(answered(404, None, true), Cause::Refused { detail: "the token service of Azure answers 404".into() });
    }

    #[test]
    fn texts_of_the_service_are_not_shown() {
        let kind = ErrorKind::HttpResponse { status: 401.into(), error_code: Some("invalid secret hunter2".into()), raw_response: None };
        let inner = Error::with_message(kind, "AADSTS: hunter2");
        let error = Error::with_error(ErrorKind::Credential, inner, "hunter2");
        let Cause::Refused { detail } = cause_of(&error) else { panic!("not a refusal") };
        assert_eq!(&*detail, "the token service of Azure answers 401");
    }
}
