//! Connections that can be cut.
//!
//! "It was done but the answer never came" is the failure that makes duplicates, and an HTTP handler cannot
//! cause it: it has to answer something. So each connection carries a switch that makes the socket fail.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Cuts the connection that a request came on.
#[derive(Debug, Clone)]
pub(crate) struct Switch(pub(crate) CancellationToken);

/// A listener whose connections can be cut.
pub(crate) struct Cuttable<L>(pub(crate) L);

/// A connection that can be cut.
pub(crate) struct Wire<I> {
    io: I,
    switch: CancellationToken,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<I> Wire<I> {
    fn new(io: I) -> Self {
        let switch = CancellationToken::new();
        Self {
            io,
            cut: Box::pin(switch.clone().cancelled_owned()),
            switch,
        }
    }

    /// Registers the task for the cut, and fails when it happened.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.switch.is_cancelled() || self.cut.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl<L: Listener> Listener for Cuttable<L> {
    type Io = Wire<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, address) = self.0.accept().await;
        (Wire::new(io), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl<L: Listener> Connected<IncomingStream<'_, Cuttable<L>>> for Switch {
    fn connect_info(stream: IncomingStream<'_, Cuttable<L>>) -> Self {
        Self(stream.io().switch.clone())
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Wire<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Wire<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
