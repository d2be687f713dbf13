//! A connection to a service: HTTP over a stream that is open.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Answer;
use crate::base::limits::AUTH_ANSWER_BYTES_MAX;

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// See the module. Its bytes move only while somebody asks over it, so there is no task to be ended: between two
/// requests nothing is read, and an end that came meanwhile is noticed with the next one.
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    moving: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// `moving` has ended and must not be asked again.
    is_over: bool,
}

impl Link {
    /// Speaks HTTP over a stream.
    ///
    /// # Errors
    /// In words, when the stream ends.
    pub(super) async fn open(stream: Box<dyn Stream>) -> Result<Self, String> {
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        // What goes wrong with it is told to whoever asks.
        let moving = Box::pin(async move { drop(connection.await) });
        Ok(Self { sender, moving, is_over: false })
    }

    /// Whether another request may be sent: the service has not closed it, as far as that is known.
    pub(super) async fn is_ready(&mut self) -> bool {
        let Self { sender, moving, is_over } = self;
        if *is_over || sender.is_closed() {
            return false;
        }
        tokio::select! {
            biased;
            () = moving => {
                *is_over = true;
                false
            }
            ready = sender.ready() => ready.is_ok(),
        }
    }

    /// Whether it is worth keeping.
    pub(super) fn is_open(&self) -> bool {
        !self.is_over && !self.sender.is_closed()
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    /// In words, when what comes is no HTTP, too long, or nothing.
    pub(super) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let Self { sender, moving, is_over } = self;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get("retry-after");
            let retry_after_s =
                retry_after.and_then(|seconds| seconds.to_str().ok()?.trim().parse().ok());
            let body = Limited::new(response.into_body(), AUTH_ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            Ok(Answer { status, retry_after_s, body })
        };
        let mut answer = std::pin::pin!(answer);
        // The connection moves the bytes, and may end before the answer was taken out of it.
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            () = moving => {
                *is_over = true;
                answer.await
            }
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}
