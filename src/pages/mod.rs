//! The pages: what a candidate sees on a phone and a member at a desk.
//!
//! A page is the same for everybody. It is made when the node starts and asks Redis for nothing: its script asks the
//! API, as any other client does. So fetching a page, by whomever and by whatever method, cannot spend anything; and
//! nothing secret is in it.
//!
//! - `templates/`: a file a page, inside `frame.html`.
//! - `assets/`: the style and the scripts, as browsers load them. There is no build step.
//! - `words.json`: every word that a page says. A translation is another such file.

mod assets;
pub(crate) mod docs;
mod file;
mod frame;
pub(crate) mod http;
mod words;

use askama::Template;

use crate::config::Config;

pub(crate) use self::file::File;
use self::frame::Frame;

macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident: $template:ident = $path:literal;)*) => {
        $(
            #[derive(Template)]
            #[template(path = $path)]
            struct $template<'a> { frame: &'a Frame<'a> }
        )*

        /// Every page, as it is served.
        #[derive(Debug)]
        pub struct Pages { $($(#[$doc])* pub(crate) $name: File,)* }

        impl Pages {
            /// Makes them all, with what the configuration says of this service.
            ///
            /// # Panics
            /// Where a template names a word or an asset that there is not, which a test sees.
            #[must_use]
            pub fn new(config: &Config) -> Self {
                let frame = &Frame::new(config);
                Self { $($name: File::page($template { frame }.render().expect("text goes into a string")),)* }
            }
        }
    };
}

pages! {
    /// GET /interview/join/{token}
    join: Join = "pages/templates/join.html";
    /// GET /interview/pre-check/{token}
    pre_check: PreCheck = "pages/templates/pre_check.html";
    /// Either of these, with a token that was never issued.
    gone: Gone = "pages/templates/gone.html";
    /// A path that there is not, in a browser's address bar.
    lost: Lost = "pages/templates/lost.html";
    /// GET /signup
    sign_up: SignUp = "pages/templates/sign_up.html";
    /// GET /login
    log_in: LogIn = "pages/templates/log_in.html";
    /// GET /forgot-password
    forgot_password: ForgotPassword = "pages/templates/forgot_password.html";
    /// GET /reset-password
    reset_password: ResetPassword = "pages/templates/reset_password.html";
    /// GET /account
    account: Account = "pages/templates/account.html";
}
