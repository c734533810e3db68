//! How is a secret of AWS Secrets Manager changed? A new version takes the place of the one before, which stays as `AWSPREVIOUS`; what is removed can be had back
//! for thirty days.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};

use super::{Aws, trouble};
use crate::missing::Cause;
use crate::reference::{AwsSecret, Place};
use crate::source::texts::Texts;
use crate::source::{Changing, Listed, MAX_LISTED, MAX_PAGES, PINNED, Removal};
use crate::value::Value;

impl Aws {
    async fn put_secret(&self, secret: &AwsSecret, text: &Value) -> Result<(), Cause> {
        let client = self.client_for(secret).await?;
        let put = || client.put_secret_value().secret_id(&*secret.id).secret_string(text.expose()).send();
        let Err(error) = put().await else { return Ok(()) };
        match (trouble::cause_of(&error), error.code()) {
            (Cause::NotFound, _) if !secret.id.starts_with("arn:") => {
                let created = client.create_secret().name(&*secret.id).secret_string(text.expose()).send().await;
                created.map(drop).map_err(|error| trouble::cause_of(&error))
            }
            (_, Some(trouble::MARKED)) if self.is_marked_for_deletion(&client, secret).await => {
                let restored = client.restore_secret().secret_id(&*secret.id).send().await;
                restored.map_err(|error| trouble::cause_of(&error))?;
                put().await.map(drop).map_err(|error| trouble::cause_of(&error))
            }
            (cause, _) => Err(cause),
        }
    }

    async fn remove_secret(&self, secret: &AwsSecret) -> Result<Removal, Cause> {
        let client = self.client_for(secret).await?;
        // AWS marks once more what is marked already; that nothing is there must be said.
        self.fetch_secret(secret).await.map(drop).or_else(|cause| if cause.is_absence() { Err(cause) } else { Ok(()) })?;
        let marked = client.delete_secret().secret_id(&*secret.id).recovery_window_in_days(RECOVERY_DAYS).send().await;
        marked.map_err(|error| trouble::cause_of(&error))?;
        Ok(Removal::Recoverable { how: "AWS keeps it for 30 days; `aws secretsmanager restore-secret` brings it back" })
    }

    /// Whether somebody has removed it and could still have it back. Who may not know that is told no.
    pub(super) async fn is_marked_for_deletion(&self, client: &Client, secret: &AwsSecret) -> bool {
        let described = client.describe_secret().secret_id(&*secret.id).send().await;
        described.is_ok_and(|secret| secret.deleted_date.is_some())
    }

    async fn list_names(&self, below: &str) -> Result<Listed, Cause> {
        let client = self.client(self.settings.region.as_deref()).await?;
        // The filter of AWS takes words apart, so it is only the first sieve.
        let filter = (!below.is_empty()).then(|| Filter::builder().key(FilterNameStringType::Name).values(below).build());
        let (mut names, mut page) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let question = client.list_secrets().max_results(PAGE).set_next_token(page.take());
            let question = question.set_filters(filter.clone().map(|filter| vec![filter]));
            let answer = question.send().await.map_err(|error| trouble::cause_of(&error))?;
            let found = answer.secret_list.unwrap_or_default().into_iter().filter_map(|entry| entry.name);
            names.extend(found.filter(|name| name.starts_with(below)).map(|name| format!("aws-secretsmanager://{name}")));
            page = answer.next_token;
            if page.is_none() || names.len() > MAX_LISTED {
                return Ok(Listed::of(names, page.is_some()));
            }
        }
        Ok(Listed::of(names, true))
    }
}

impl Texts for Aws {
    fn admit_place(&self, place: &Place) -> Result<(), Cause> {
        unpinned(place).map(drop)
    }

    fn put_text<'a>(&'a self, place: &'a Place, text: &'a Value) -> Changing<'a, ()> {
        Box::pin(async move { self.put_secret(unpinned(place)?, text).await })
    }

    fn remove_text<'a>(&'a self, place: &'a Place) -> Changing<'a, Removal> {
        Box::pin(async move { self.remove_secret(unpinned(place)?).await })
    }

    fn list_texts<'a>(&'a self, below: &'a str) -> Changing<'a, Listed> {
        Box::pin(self.list_names(below))
    }
}

fn unpinned(place: &Place) -> Result<&AwsSecret, Cause> {
    match place {
        Place::Aws(AwsSecret { version: Some(_), .. }) => Err(PINNED),
        Place::Aws(secret) => Ok(secret),
        _ => Err(Cause::NotInThisBuild),
    }
}

/// What AWS takes by itself; said aloud, so that what people are told is true.
const RECOVERY_DAYS: i64 = 30;
/// The most names that AWS gives at once.
const PAGE: i32 = 100;
