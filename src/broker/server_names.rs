//! Names that the server makes: unguessable, and in RabbitMQ's form.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Refused;
use crate::base::{ConsumerTag, QueueName, ReplyCode};

/// `amq.gen-` and 22 characters.
///
/// # Errors
/// 541 when the machine gives no random numbers.
pub(super) fn queue_name() -> Result<QueueName, Refused> {
    let name = format!("amq.gen-{}", random_part()?);
    Ok(QueueName::try_from(name.as_str()).expect("30 ASCII characters are a name"))
}

/// `amq.ctag-` and 22 characters.
///
/// # Errors
/// 541 when the machine gives no random numbers.
pub(super) fn consumer_tag() -> Result<ConsumerTag, Refused> {
    let tag = format!("amq.ctag-{}", random_part()?);
    Ok(ConsumerTag::try_from(tag.as_str()).expect("31 ASCII characters are a tag"))
}

/// So many characters say [`RANDOM_BYTES`] in base64.
pub(super) const RANDOM_CHARACTERS: usize = 22;

/// Nobody guesses 128 bits.
const RANDOM_BYTES: usize = 16;

/// What nobody can guess, in 22 characters.
///
/// # Errors
/// 541 when the machine gives no random numbers.
pub(super) fn random_part() -> Result<String, Refused> {
    let mut bytes = [0; RANDOM_BYTES];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(URL_SAFE_NO_PAD.encode(bytes)),
        Err(error) => Err(Refused {
            code: ReplyCode::InternalError,
            text: format!("the machine gives no random numbers: {error}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_made_names_have_rabbitmqs_form_and_differ() {
        let name = queue_name().expect("random numbers");
        assert!(name.as_str().starts_with("amq.gen-"));
        assert_eq!(name.as_str().len(), 30);
        assert_ne!(name, queue_name().expect("random numbers"));
        assert_eq!(consumer_tag().expect("random numbers").as_str().len(), 31);
    }
}
