//! A token for one caller, in exchange for theirs (RFC 8693).

use std::sync::Arc;

use oauth::grant::Wanted;

use crate::callers::Subject;
use crate::source::{Fetching, Source};
use crate::token_client::TokenClient;

/// Exchanges the newest token that a caller showed.
pub(crate) struct TokenExchange {
    pub(crate) client: Arc<TokenClient>,
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) subject: Arc<Subject>,
}

impl Source for TokenExchange {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async move {
            let shown = self.subject.shown();
            self.client.fetch(shown.exchange(None), &self.wanted, Some(shown.expires_at)).await
        })
    }
}
