//! A `discord.com` on loopback, so that serenity runs with its real rate limiter.
//!
//! The limiter ignores the proxy setting and always dials `https://discord.com`; here that name leads to the
//! simulator, with a certificate from an authority that only this client knows.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use ompcord::sim::Sim;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serenity::all::{Http, HttpBuilder};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let Ok((tcp, address)) = self.tcp.accept().await else {
                continue;
            };
            if let Ok(tls) = self.acceptor.accept(tcp).await {
                return (tls, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// A reqwest client for which `https://discord.com` is this simulator.
pub(crate) async fn client(sim: &Sim) -> reqwest::Client {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["discord.com".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &ca).unwrap();
    let secret = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], secret.into())
        .unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    sim.serve(TlsListener {
        tcp,
        acceptor: TlsAcceptor::from(Arc::new(config)),
    });
    reqwest::Client::builder()
        .use_rustls_tls()
        .resolve("discord.com", address)
        .add_root_certificate(reqwest::Certificate::from_pem(ca.as_ref().pem().as_bytes()).unwrap())
        .build()
        .unwrap()
}

/// Serenity's `Http` with its rate limiter on, as in production.
pub(crate) async fn limited_http(sim: &Sim) -> Http {
    HttpBuilder::new(sim.bot_token())
        .client(client(sim).await)
        .build()
}
