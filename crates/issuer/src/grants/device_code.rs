//! A device that comes again, until the person has answered elsewhere. (RFC 8628 §3.4)

use oauth::error_code::ErrorCode;

use super::{Agreed, Answer, GrantType};
use crate::client::Client;
use crate::device::{self, Answer as Said, Device};
use crate::grant::GrantId;
use crate::refusal::Refusal;
use crate::token_endpoint::{Asked, Granted};

pub(crate) struct DeviceCode;

impl GrantType for DeviceCode {
    fn name(&self) -> &'static str {
        oauth::registration::DEVICE_CODE
    }

    fn is_for(&self, client: &Client) -> bool {
        client.uses_devices
    }

    fn granted<'a>(&'a self, asked: &'a Asked<'a>) -> Answer<'a> {
        Box::pin(granted(asked))
    }
}

async fn granted(asked: &Asked<'_>) -> Result<Granted, Refusal> {
    let Asked { server, inbound, fields, client, .. } = asked;
    let code = fields.value("device_code").ok_or_else(|| Refusal::invalid_request("`device_code` is missing"))?;
    let place = device::place(code);
    let found = server.shelf.find::<Device>(&place).await?.filter(|found| found.value.client_id == client.id);
    let device = found.ok_or_else(Refusal::invalid_grant)?.value;
    if inbound.now >= device.until {
        return Err(Refusal::new(ErrorCode::ExpiredToken, "nobody has answered in time; ask for new codes"));
    }
    match device.answer {
        Said::Pending if server.pace.is_kept(&place, inbound.now) => {
            Err(Refusal::new(ErrorCode::AuthorizationPending, "the person has not answered yet"))
        }
        Said::Pending => Err(Refusal::new(ErrorCode::SlowDown, "wait five seconds longer between two questions")),
        Said::Denied => Err(Refusal::new(ErrorCode::AccessDenied, "the person said no")),
        Said::Allowed { .. } => {
            asked.same_resource(&device.resource)?;
            // Of many at once, one gets it.
            let taken = server.shelf.take::<Device>(&place).await?.ok_or_else(Refusal::invalid_grant)?;
            let Said::Allowed { person, scopes, signed_in_at } = taken.answer else { return Err(Refusal::invalid_grant()) };
            let (client_name, resource) = (taken.client_name, taken.resource);
            asked.begin(GrantId::new()?, Agreed { person, client_name, scopes, resource, signed_in_at }).await
        }
    }
}
