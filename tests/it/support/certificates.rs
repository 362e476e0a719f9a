//! Certificates of an authority of the tests' own, made by openssl (`.ci/deps test` installs it).

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const CONFIG: &str = "[req]\ndistinguished_name = name\nprompt = no\nx509_extensions = authority\n\
                      [name]\nCN = ladderd test\n\
                      [authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n\
                      [server]\nbasicConstraints = CA:FALSE\nextendedKeyUsage = serverAuth\n\
                      subjectAltName = DNS:localhost, DNS:s3.test.invalid, IP:127.0.0.1, IP:::1\n";

/// An authority, in a folder that is removed when this is dropped.
pub struct Authority {
    dir: tempfile::TempDir,
}

/// Files of a certificate and its key.
#[derive(Clone, Debug)]
pub struct Pair {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    /// Replaces the files by those of another pair.
    pub fn replace_by(&self, other: &Self) {
        std::fs::copy(&other.key, &self.key).unwrap();
        std::fs::copy(&other.cert, &self.cert).unwrap();
    }

    /// Serial number of the certificate in hex digits.
    pub fn serial(&self) -> String {
        let cert = self.cert.to_str().unwrap();
        openssl(&["x509", "-in", cert, "-noout", "-serial"]).trim().to_owned()
    }
}

impl Authority {
    pub fn new() -> Self {
        let authority = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::write(authority.file("config"), CONFIG).unwrap();
        authority.make_key("ca.key");
        let (config, key, ca) =
            (authority.file("config"), authority.file("ca.key"), authority.ca());
        let [config, key, ca] = [&config, &key, &ca].map(|path| path.to_str().unwrap());
        openssl(&["req", "-x509", "-config", config, "-key", key, "-days", "2", "-out", ca]);
        authority
    }

    /// The certificate of the authority.
    pub fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn make_key(&self, name: &str) {
        let path = self.file(name);
        let curve = "ec_paramgen_curve:P-256";
        let path = path.to_str().unwrap();
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", path]);
    }

    /// Issues a certificate for `localhost`, `s3.test.invalid` and the addresses of the loopback interface, which
    /// is valid for so many days from now on.
    pub fn issue(&self, name: &str, days: i32) -> Pair {
        self.make_key(&format!("{name}.key"));
        let [config, key, request, cert, ca, ca_key] = [
            "config".to_owned(),
            format!("{name}.key"),
            format!("{name}.csr"),
            format!("{name}.pem"),
            "ca.pem".to_owned(),
            "ca.key".to_owned(),
        ]
        .map(|name| self.file(&name).to_str().unwrap().to_owned());
        openssl(&["req", "-new", "-config", &config, "-key", &key, "-out", &request]);
        let serial = format!("0x{}", hex::encode(rand::random::<[u8; 8]>()));
        let days = days.to_string();
        let mut sign = vec!["x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key];
        sign.extend(["-set_serial", &serial, "-days", &days]);
        sign.extend(["-extfile", &config, "-extensions", "server", "-out", &cert]);
        openssl(&sign);
        Pair { cert: cert.into(), key: key.into() }
    }

    /// An HTTP client that trusts the authority and keeps no connection open.
    pub fn client(&self) -> reqwest::Client {
        client_builder(&self.ca()).build().unwrap()
    }
}

/// Builds an HTTP client that trusts this authority.
pub fn client_builder(ca: &Path) -> reqwest::ClientBuilder {
    drop(rustls::crypto::ring::default_provider().install_default());
    let ca = reqwest::Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
    reqwest::Client::builder().pool_max_idle_per_host(0).tls_certs_merge([ca])
}

/// Hash by which Chromium is told to accept the key of a certificate.
pub fn spki_hash(pair: &Pair) -> String {
    let key = pair.key.to_str().unwrap();
    let der = output(&["pkey", "-in", key, "-pubout", "-outform", "DER"]);
    STANDARD.encode(Sha256::digest(der))
}

/// Runs openssl. Returns what it prints.
pub fn openssl(arguments: &[&str]) -> String {
    String::from_utf8_lossy(&output(arguments)).into_owned()
}

fn output(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    output.stdout
}
