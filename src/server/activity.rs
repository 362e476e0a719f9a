//! Activity of an HTTP/2 connection. Its pings are answered by clients that do nothing else: some open no window
//! for a response, others hold an idle connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

/// The requests of one connection. Clones share them.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    /// Requests without a complete response.
    open: usize,
    /// Responses whose next bytes nobody has asked for.
    waiting: usize,
    /// Time of the last change.
    progress: Instant,
}

impl State {
    fn is_over(&self, limit: Duration) -> bool {
        (self.open == 0 || self.waiting > 0) && self.progress.elapsed() > limit
    }
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { open: 0, waiting: 0, progress: Instant::now() })))
    }

    /// Notes a request.
    pub(super) fn request(&self) -> Open {
        self.change(|state| state.open += 1);
        Open { activity: self.clone(), is_waiting: false }
    }

    /// Completes once the client has neither an open request nor taken anything of a response for this long.
    pub(super) async fn is_over(&self, limit: Duration) {
        while !self.0.lock().is_over(limit) {
            tokio::time::sleep(limit / 4).await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock();
        change(&mut state);
        state.progress = Instant::now();
    }
}

/// A request without a complete response.
pub(super) struct Open {
    activity: Activity,
    is_waiting: bool,
}

impl Open {
    /// Notes whether the response has bytes that the client has to ask for.
    fn set_waiting(&mut self, is_waiting: bool) {
        let was_waiting = std::mem::replace(&mut self.is_waiting, is_waiting);
        self.activity.change(|state| {
            state.waiting = state.waiting + usize::from(is_waiting) - usize::from(was_waiting);
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.set_waiting(false);
        self.activity.change(|state| state.open -= 1);
    }
}

/// Body of a response that notes when the client takes it.
pub(super) struct TakenBody<B> {
    body: Pin<Box<B>>,
    open: Option<Open>,
}

impl<B> TakenBody<B> {
    /// The body of the response to this request.
    pub(super) fn new(body: B, mut open: Option<Open>) -> Self {
        if let Some(open) = &mut open {
            open.set_waiting(true);
        }
        Self { body: Box::pin(body), open }
    }
}

impl<B: Body> Body for TakenBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = self.body.as_mut().poll_frame(cx);
        if let Some(open) = &mut self.open {
            open.set_waiting(matches!(frame, Poll::Ready(Some(_))));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn idle_and_stalled_connections_are_over_and_waiting_ones_are_not() {
        let over = async |activity: &Activity| {
            tokio::time::timeout(LIMIT * 10, activity.is_over(LIMIT)).await.is_ok()
        };
        let activity = Activity::new();
        assert!(over(&activity).await, "it is idle");
        let mut open = activity.request();
        assert!(!over(&activity).await, "the response is in the making, as in an event stream");
        open.set_waiting(true);
        assert!(over(&activity).await, "nobody takes the response");
        open.set_waiting(false);
        open.set_waiting(true);
        let second = activity.request();
        tokio::time::sleep(LIMIT / 2).await;
        drop(open);
        assert!(!over(&activity).await, "the other request is open");
        drop(second);
        assert!(over(&activity).await);
    }
}
