//! Where does a person type the code that a device shows, and what becomes of their answer? (RFC 8628 §3.3)

use oauth::device_authorization::{USER_CODE, UserCode};
use oauth::form_fields::Fields;

use super::{Shown, Visit, with};
use crate::browser::{Pending, Session};
use crate::client::{Client, Clients};
use crate::device::{self, Answer, Device};
use crate::throttle::{WRONG_CODES, network_of};
use crate::views::{self, Problem};

impl Visit<'_> {
    /// The page with the field. A code that stands in the address is filled in and no more: people compare it with what the device shows.
    pub(super) fn device(&self) -> Shown {
        let fields = Fields::read(self.inbound.query.as_bytes()).map_err(|_| Problem::Unreadable)?;
        let code = fields.value(USER_CODE).and_then(|text| UserCode::read(text).ok());
        self.ask_for_code(&code.map(|code| code.to_string()).unwrap_or_default(), None)
    }

    /// The code has come.
    pub(super) async fn typed(&self) -> Shown {
        let fields = self.fields()?;
        let asked = fields.value("asked").ok_or(Problem::Unreadable)?;
        self.server.browsers.open::<()>(asked, KIND, &self.browser.mark, self.inbound.now).ok_or(Problem::NoErrand)?;
        let typed = fields.value(USER_CODE).unwrap_or_default();
        let (network, store) = (network_of(self.inbound.from), &**self.server.shelf.store());
        let counts = [(&WRONG_CODES, &*network), (&WRONG_CODES, &*self.browser.mark)];
        let Some(_place) = self.server.typing.enter().await else {
            return self.ask_for_code("", Some(views::Trouble::TooOften { minutes: 1 }));
        };
        if let Some(trouble) = self.too_often(&counts).await? {
            return self.ask_for_code("", Some(trouble));
        }
        // What is no code at all was mistyped, and not guessed.
        let Ok(code) = UserCode::read(typed) else { return self.ask_for_code("", Some(views::Trouble::Wrong)) };
        let Some((place, device)) = device::typed(&self.server.shelf, &code, self.inbound.now).await? else {
            for (throttle, whom) in counts {
                throttle.count(store, whom).await?;
            }
            return self.ask_for_code("", Some(views::Trouble::Wrong));
        };
        let client = self.client(&device.client_id).await?.ok_or(Problem::UnknownClient)?;
        self.next(&pending(place, device), &client).await
    }

    /// It is decided for a device.
    pub(super) async fn settle_for_device(&self, place: &str, pending: &Pending, client: &Client, agreed: Option<&Session>) -> Shown {
        let question = self.question(pending, client)?;
        let answer = match agreed {
            Some(session) => Answer::Allowed {
                person: session.person.clone(),
                scopes: self.agreed(pending, session),
                signed_in_at: session.signed_in_at,
            },
            None => Answer::Denied,
        };
        let is_yes = agreed.is_some();
        if !device::answer(&self.server.shelf, place, answer, self.inbound.now).await? {
            return Err(Problem::NoErrand);
        }
        if is_yes {
            Clients::granted(&self.server.shelf, &client.id, self.inbound.config.lifetimes.grant, self.inbound.now).await?;
        }
        Ok(views::device_done(&question, is_yes, self.language))
    }

    fn ask_for_code(&self, code: &str, trouble: Option<views::Trouble>) -> Shown {
        let browsers = &self.server.browsers;
        let asked = browsers.seal(&(), KIND, &self.browser.mark, self.inbound.now.saturating_add(device::LIVES));
        let asked = asked.map_err(|error| Problem::broken(&error))?;
        let base = self.inbound.config.issuer.as_str();
        let response = views::device(base, &asked, code, trouble, self.language);
        Ok(with(response, browsers.greet(&self.browser)?))
    }
}

/// What the person is asked on behalf of a device. Nobody is sent anywhere, so there is no way back.
fn pending(place: String, device: Device) -> Pending {
    Pending {
        client_id: device.client_id,
        redirect_uri: String::new(),
        redirect_was_named: false,
        state: None,
        challenge: String::new(),
        scopes: device.scopes,
        shown: None,
        resource: device.resource,
        nonce: None,
        dpop_key: None,
        signed_in_after: None,
        ui_locales: None,
        login_hint: None,
        device: Some(place),
    }
}

/// What the form of this page is sealed as.
const KIND: &str = "device";
