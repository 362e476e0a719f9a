//! Rules for an API that others than this machine can reach.

use core::net::IpAddr;

/// The settings that decide who can reach the API, and how.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Exposure {
    /// Address at which the API listens.
    pub listens: IpAddr,
    /// Whether the API has a certificate of its own.
    pub has_tls: bool,
    /// Whether `http.public_url` is https and `http.trusted_proxies` names who is in front.
    pub has_proxy: bool,
    /// `http.allow_insecure`.
    pub allows_insecure: bool,
    /// Whether there is a token, or a proxy tells the users.
    pub has_accounts: bool,
}

/// Reason to refuse the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Passwords and tokens would cross the network in the clear.
    #[error(
        "http.listen = {0} lets others reach the API, and nothing protects their tokens on the way: set \
         tls.cert and tls.key; or http.public_url (https) and http.trusted_proxies, if a proxy in front has \
         the certificate; or http.allow_insecure = true in a network that you trust"
    )]
    InTheClear(IpAddr),
    /// Nobody could sign in, or everybody could do everything.
    #[error(
        "http.listen = {0} lets others reach the API, and it has no accounts: make a token with `ladderd \
         token create --name admin --scope admin`"
    )]
    NoAccounts(IpAddr),
}

impl Exposure {
    /// Whether others than this machine can reach the API without a proxy.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.listens.to_canonical().is_loopback()
    }

    /// Whether tokens may cross a network in the clear.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.is_open() && !self.has_tls && !self.has_proxy
    }

    /// Refuses what would put somebody's videos or tokens at risk by accident.
    ///
    /// # Errors
    /// The risk, with the remedy.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.is_insecure() && !self.allows_insecure {
            return Err(Refusal::InTheClear(self.listens));
        }
        if self.is_open() && !self.has_accounts {
            return Err(Refusal::NoAccounts(self.listens));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_protected_api_with_accounts_is_open_to_others() {
        let clear = |address: &'static str| Some(Refusal::InTheClear(address.parse().unwrap()));
        let none = |address: &'static str| Some(Refusal::NoAccounts(address.parse().unwrap()));
        // Address, TLS, proxy, insecure, accounts.
        let table = [
            ("127.0.0.1", false, false, false, false, None),
            ("::1", false, false, false, false, None),
            ("::ffff:127.0.0.1", false, false, false, false, None),
            ("0.0.0.0", false, false, false, true, clear("0.0.0.0")),
            ("::", false, false, false, false, clear("::")),
            ("0.0.0.0", true, false, false, true, None),
            ("0.0.0.0", false, true, false, true, None),
            ("0.0.0.0", false, false, true, true, None),
            ("0.0.0.0", true, false, false, false, none("0.0.0.0")),
            ("192.0.2.1", false, true, false, false, none("192.0.2.1")),
            ("192.0.2.1", false, false, true, false, none("192.0.2.1")),
        ];
        for (listens, has_tls, has_proxy, allows_insecure, has_accounts, refusal) in table {
            let listens = listens.parse().unwrap();
            let exposure = Exposure { listens, has_tls, has_proxy, allows_insecure, has_accounts };
            assert_eq!(exposure.check().err(), refusal, "{exposure:?}");
        }
    }
}
