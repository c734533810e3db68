//! How does a person log in who sits at another machine? They type a code there, and we ask until they have decided (RFC 8628).

use std::sync::Arc;
use std::time::Duration;

use oauth::authorization::Denial;
use oauth::device_authorization::{Codes, INTERVAL_SECONDS};
use oauth::grant::{Grant as Brought, Wanted};
use oauth::token_response::{Expected, TokenResponse};
use secrecy::ExposeSecret as _;
use url::Url;

use super::guardian::{Guardian, unfit};
use super::visitor::{Awaited, TypedCode, VisitFailure};
use super::wallet::Name;
use super::{Account, Identity, NotSignedIn, Prover, identity};
use crate::missing::Cause;
use crate::token_client::{NoToken, Pace, Standing, TokenClient};

impl Account {
    /// A token, and who we are where it comes from.
    pub(super) async fn by_device(
        &self,
        guardian: &Guardian,
        wanted: &Wanted,
        prover: Option<Arc<Prover>>,
    ) -> Result<(Identity, TokenResponse), NotSignedIn> {
        let visitor = self.around.visitor.as_ref().ok_or_else(|| NotSignedIn::NobodyToAsk { server: self.server.clone() })?;
        let authority = guardian.name();
        let url = guardian.device_url().ok_or_else(|| NotSignedIn::NoDevices { authority: authority.clone() })?;
        let (http, wallet) = (self.around.http.client()?.clone(), &self.around.wallet);
        let identity = match identity::known(&self.wishes, guardian, &Name::of_device(&authority), wallet, self.now()).await? {
            Some(identity) => identity,
            None => identity::register_device(guardian, &http, &wanted.scopes, wallet).await?,
        };
        let client = self.client(guardian, &identity, http)?.bound_to(prover);
        let codes = client.codes(url, wanted).await.map_err(NotSignedIn::Server)?;
        let place = Url::parse(&codes.verification_uri).ok().filter(|place| guardian.may_send_to(place));
        let place = place.ok_or_else(|| unfit("leads people with a code to a place that is not https"))?;
        let shown = TypedCode { code: codes.user_code.clone(), url: place, server: self.server.clone(), authority };
        let awaited = visitor.show(shown).await?;
        let tokens = self.decided(&client, &codes, wanted, &*awaited).await?;
        Ok((identity, tokens))
    }

    /// Asks at the pace that the server wants until the person has decided, or the codes are over.
    async fn decided(
        &self,
        client: &TokenClient,
        codes: &Codes,
        wanted: &Wanted,
        awaited: &dyn Awaited,
    ) -> Result<TokenResponse, NotSignedIn> {
        let end = self.now().saturating_add(u64::try_from(codes.expires_in.as_millis()).unwrap_or(u64::MAX));
        let mut pause = codes.interval;
        let wanted = Wanted { resource: wanted.resource.clone(), ..Wanted::default() };
        while self.now() < end {
            tokio::time::sleep(pause).await;
            if !awaited.is_awaited() {
                return Err(VisitFailure { what: "nobody waits for this log-in any more".to_owned(), source: None }.into());
            }
            let brought = Brought::DeviceCode { device_code: codes.device_code.expose_secret() };
            match client.redeem(brought, &wanted, Expected::AccessToken).await {
                Ok(tokens) => return Ok(tokens),
                Err(NoToken { standing: Standing::Open(Pace::Same), .. }) => {}
                Err(NoToken { standing: Standing::Open(Pace::Slower), .. }) => pause += Duration::from_secs(INTERVAL_SECONDS),
                // A server that is away for a moment is asked again, less often (§3.5).
                Err(NoToken { cause: Cause::Unavailable { .. } | Cause::TimedOut { .. }, .. }) => pause = (pause * 2).min(LONGEST_PAUSE),
                Err(NoToken { standing: Standing::Denied, .. }) => {
                    return Err(NotSignedIn::Denied(Denial { code: "access_denied".into() }));
                }
                Err(no_token) => return Err(NotSignedIn::NoToken(no_token.cause)),
            }
        }
        Err(NotSignedIn::CodeOver)
    }
}

const LONGEST_PAUSE: Duration = Duration::from_secs(60);
