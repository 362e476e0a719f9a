//! The cookie of sessions.

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};

use super::Access;

impl Access {
    /// Name of the cookie. With the prefix, browsers take it by https from this host alone.
    fn cookie_name(&self) -> &'static str {
        if self.0.is_secure { "__Host-ladderd" } else { "ladderd" }
    }

    /// Value of the cookie in a request.
    pub(super) fn cookie_of(&self, headers: &HeaderMap) -> Option<String> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(Cookie::split_parse).flatten();
        let found = cookies.find(|cookie| cookie.name() == self.cookie_name())?;
        Some(found.value().to_owned())
    }

    /// The header that sets the cookie for so many seconds; 0 removes it.
    pub(in crate::http) fn set_cookie(
        &self,
        value: String,
        max_age_secs: i64,
    ) -> Option<HeaderValue> {
        let mut cookie = Cookie::new(self.cookie_name(), value);
        cookie.set_path("/");
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Lax);
        cookie.set_secure(self.0.is_secure);
        // `Max-Age` of the crate is a type of another crate.
        HeaderValue::from_str(&format!("{cookie}; Max-Age={max_age_secs}")).ok()
    }
}
