//! Why does AWS give no secret? Its codes, never its texts: those may quote a signed request, and with it a session token.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use outbound::failure::Failure;
use outbound::tls::InvalidRoots;

use crate::missing::Cause;
use crate::source::reach::{self, causes, told, word};

/// What a failed question means.
pub(super) fn cause_of<E: ProvideErrorMetadata + Error + Send + Sync + 'static>(error: &SdkError<E, HttpResponse>) -> Cause {
    if let Some(answer) = error.raw_response() {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).and_then(word);
        return answered("AWS", answer, code);
    }
    let chain = || causes(error);
    if let Some(failure) = chain().find_map(|error| error.downcast_ref::<Failure>()) {
        return reach::cause_of(failure);
    }
    if let Some(invalid) = chain().find_map(|error| error.downcast_ref::<InvalidRoots>()) {
        return Cause::Unavailable { detail: told(invalid) };
    }
    if let Some(cause) = chain().find_map(no_role) {
        return cause;
    }
    match chain().find_map(|error| error.downcast_ref::<CredentialsError>()) {
        Some(CredentialsError::CredentialsNotLoaded(_)) => Cause::NotConfigured { what: NO_CREDENTIALS },
        Some(CredentialsError::InvalidConfiguration(_)) => Cause::NotConfigured { what: BAD_CONFIGURATION },
        Some(CredentialsError::ProviderTimedOut(_)) => Cause::Unavailable { detail: "nothing has told in time who we are at AWS".into() },
        Some(_) => Cause::Refused { detail: "there are no credentials of AWS to be had where its configuration says".into() },
        None if matches!(error, SdkError::TimeoutError(_)) => Cause::Unavailable { detail: "AWS took too long".into() },
        None => Cause::BadAnswer { detail: "Amazon's library could not ask".into() },
    }
}

/// The token service said no before Secrets Manager was asked.
fn no_role(error: &(dyn Error + 'static)) -> Option<Cause> {
    let (answer, code) = if let Some(error) = error.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>() {
        (error.raw_response()?, error.code())
    } else {
        let error = error.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>()?;
        (error.raw_response()?, error.code())
    };
    Some(answered("the token service of AWS", answer, code.and_then(word)))
}

/// An answer that is not a success. Real AWS tells its code in JSON; others, and the token service, in XML, where the library may not find it.
fn answered(who: &str, answer: &HttpResponse, code: Option<&str>) -> Cause {
    let code = code.or_else(|| code_in_xml(answer.body().bytes()?));
    match code {
        Some("ResourceNotFoundException") => Cause::NotFound,
        Some(code) if TRANSIENT.contains(&code) => Cause::Unavailable { detail: format!("{who} says {code}").into() },
        _ => reach::answered(who, answer.status().as_u16(), code),
    }
}

fn code_in_xml(body: &[u8]) -> Option<&str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once("<Code>")?;
    word(rest.split_once("</Code>")?.0)
}

/// The code for a secret that is marked for deletion, among other things.
pub(super) const MARKED: &str = "InvalidRequestException";
/// What passes by itself, with whatever status it comes.
const TRANSIENT: [&str; 7] = [
    "InternalServiceError",
    "InternalServiceErrorException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
const NO_CREDENTIALS: &str = "who we are at AWS: give the machine or pod a role, name a `profile` under `[secrets.aws]`, or set `AWS_ACCESS_KEY_ID` and \
                              `AWS_SECRET_ACCESS_KEY`";
const BAD_CONFIGURATION: &str =
    "who we are at AWS: its configuration files or variables contradict themselves; `aws sts get-caller-identity` says how";

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), body.to_owned().into())
    }

    fn kind(status: u16, code: Option<&str>) -> &'static str {
        answered("AWS", &answer(status, ""), code).code()
    }

    #[test]
    fn the_code_goes_before_the_status() {
        assert_eq!(kind(400, Some("ResourceNotFoundException")), "not_found");
        assert_eq!(kind(400, Some("ThrottlingException")), "unavailable");
        assert_eq!(kind(400, Some("UnrecognizedClientException")), "refused");
        assert_eq!(kind(400, Some("AccessDeniedException")), "refused");
        assert_eq!(kind(500, Some("InternalServiceError")), "unavailable");
    }

    #[test]
    fn only_the_code_of_an_xml_answer_is_shown() {
        let body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>x-amz-security-token:hunter2</Message></Error></ErrorResponse>";
        let Cause::Refused { detail } = answered("AWS", &answer(403, body), None) else { panic!("not a refusal") };
        assert_eq!(&*detail, "AWS says SignatureDoesNotMatch (403)");
    }
}
