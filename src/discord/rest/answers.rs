//! Answers to interactions that were acknowledged: the message that says "is thinking" becomes the answer.
//!
//! Their token is good for a quarter of an hour and dies with the process, so they are not in the outbox. The payload
//! is made where every other one is made, so an answer cannot mention anyone either.

use std::time::Duration;

use serenity::http::{LightMethod, Route};

use super::{Call, Haste, Rest, RestError};
use crate::discord::draft::Draft;
use crate::ids::UserId;

/// How often a request is sent that does no harm when it is repeated.
const TRIES: u32 = 4;
/// A limit that is longer than this is not waited for: nobody looks at the answer any more.
const PATIENCE: Duration = Duration::from_secs(30);

impl Rest {
    /// Makes the first answer of an interaction say this.
    pub async fn answer(&self, application: UserId, token: &str, draft: &Draft) -> Result<(), RestError> {
        let parcel = draft.edit(&[], &[]).await;
        let mut tries = 1;
        loop {
            let route = Route::WebhookOriginalInteractionResponse {
                application_id: application.get().into(),
                token,
            };
            let call = Call::new(LightMethod::Patch, route)
                .json(parcel.payload.clone())
                .files(parcel.uploads.clone());
            self.turn(Haste::Person).await;
            let wait = match self.send(call).await {
                Ok(_) => return Ok(()),
                Err(RestError::Limited { retry_after, .. }) if tries < TRIES && retry_after <= PATIENCE => {
                    retry_after
                }
                Err(RestError::Unknown { .. }) if tries < TRIES => Duration::from_millis(250) * tries,
                Err(error) => return Err(error),
            };
            tries += 1;
            tokio::time::sleep(wait.max(Duration::from_millis(20))).await;
        }
    }
}
