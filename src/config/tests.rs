mod test_recipients;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Config, Devices, Errors, LogFormat, Mode, Rate};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/vestibule.toml");

// Base64 of 32 times "r", "j" and "x".
const ROOT: &str = "k1:cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=";
const JWT: &str = "j1:ampqampqampqampqampqampqampqampqampqampqamo=";
const OTHER: &str = "x1:eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=";

const REQUIRED: [(&str, &str); 7] = [
    ("VESTIBULE_PUBLIC_URL", "https://interviews.example.com/"),
    ("VESTIBULE_REDIS__URL", "redis://app:hunter2@127.0.0.1:6379"),
    ("VESTIBULE_POSTGRES__URL", "postgres://app:hunter2@127.0.0.1/v"),
    ("VESTIBULE_MAIL__URL", "smtps://app:hunter2@smtp.example.com:465"),
    ("VESTIBULE_MAIL__FROM", "Acme Interviews <interviews@example.com>"),
    ("VESTIBULE_SECRETS__ROOT_KEYS", ROOT),
    ("VESTIBULE_SECRETS__JWT_KEYS", JWT),
];

/// What would give a secret away in an error or in Debug.
const TELLTALES: [&str; 4] = ["hunter2", "cnJycnJy", "ampqamp", "eHh4eHh4"];

/// A file that goes with the test.
struct TempFile(PathBuf);

impl TempFile {
    fn new(text: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-config-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn load(file: Option<&Path>, env: &[(&str, &str)], mode: Mode) -> Result<Config, Errors> {
    let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    Config::load(file, &mut env.iter().map(owned), mode)
}

/// With all that is required, and `env` over it; an empty name in `env` takes its value's variable away.
fn load_with(file: Option<&Path>, env: &[(&str, &str)]) -> Result<Config, Errors> {
    let mut all = BTreeMap::from(REQUIRED);
    for (name, value) in env {
        match *name {
            "" => all.remove(value),
            _ => all.insert(name, value),
        };
    }
    let all: Vec<_> = all.into_iter().collect();
    load(file, &all, Mode::Production)
}

#[track_caller]
fn refused(file: Option<&Path>, env: &[(&str, &str)]) -> String {
    let text = load_with(file, env).unwrap_err().to_string();
    for telltale in TELLTALES {
        assert!(!text.contains(telltale), "{text}");
    }
    text
}

#[test]
fn the_shipped_file_is_the_defaults() {
    let defaults = load_with(None, &[]).unwrap();
    let shipped = load_with(Some(Path::new(SHIPPED)), &[]).unwrap();
    assert_eq!(format!("{shipped:#?}"), format!("{defaults:#?}"));
}

#[test]
fn the_shipped_file_has_every_key_at_its_default_and_no_other() {
    let text = std::fs::read_to_string(SHIPPED).unwrap();
    let mut section = String::new();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        }
        let bare = line.trim_start_matches("# ");
        let Some((name, value)) = bare.split_once(" = ") else {
            continue;
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        if name.chars().all(is_name) {
            let value = (bare == line).then(|| value.trim_matches(['"', '[', ']']).to_owned());
            let before = found.insert(format!("{section}{name}"), value);
            assert_eq!(before, None, "{name} stands twice");
        }
    }
    let known = Config::reference().into_iter();
    let known: BTreeMap<_, _> = known.map(|key| (key.name, key.default.map(str::to_owned))).collect();
    assert_eq!(found, known);
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = load_with(None, &[]).unwrap();
    assert_eq!(config.public_url.as_str(), "https://interviews.example.com");
    assert_eq!(config.public_url.host(), "interviews.example.com");
    assert_eq!(config.organisation, "Acme Interviews");
    assert_eq!(config.trusted_proxies, []);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.redis.command_timeout, Duration::from_millis(700));
    assert_eq!(config.limits.otp_request.window, Duration::from_secs(600));
    assert_eq!((config.candidate.devices, &config.candidate.after_start_url), (Devices::Required, &None));
    assert_eq!(config.candidate.link_life, Duration::from_secs(7 * 86_400));
    let seconds = Duration::from_secs;
    assert_eq!((config.sessions.access_life, config.sessions.refresh_life), (seconds(3_600), seconds(30 * 86_400)));
    assert_eq!((config.sessions.refresh_grace, config.sessions.per_user_max), (seconds(10), 50));
    assert_eq!(config.reset.token_life, seconds(900));
    let limits = &config.limits;
    let of_names = (limits.login_account.max, limits.login_account.wait, limits.login_account.wait_max);
    assert_eq!((of_names, limits.login_account.forget), ((5, seconds(60), seconds(3_600)), seconds(900)));
    for (limit, max, window) in [
        (limits.candidate_ip, 120, 60),
        (limits.login_ip, 50, 900),
        (limits.signup_ip, 10, 3_600),
        (limits.forgot_email, 3, 900),
        (limits.forgot_ip, 20, 3_600),
        (limits.reset_ip, 20, 600),
        (limits.invite_user, 1_000, 3_600),
    ] {
        assert_eq!(limit, Rate { max, window: seconds(window) });
    }
    let accounts = &config.accounts;
    assert_eq!((accounts.password_min, accounts.password_max), (6, 1_024));
    assert_eq!((accounts.hash_memory, accounts.hash_iterations, accounts.hash_lanes), (19_456, 2, 1));
    assert_eq!(config.profile.resume_bytes_max, 5 * 1_024 * 1_024);
    assert_eq!(*config.secrets.root_keys[0].bytes, [b'r'; 32]);
}

#[test]
fn every_key_can_be_set_by_environment() {
    let existing = TempFile::new("");
    let path = existing.path();
    let alternatives = [
        ("public_url", "http://other.example.com:8080"),
        ("organisation", "Other"),
        ("trusted_proxies", "10.1.2.3/8, 192.0.2.7"),
        ("http.listen", "[::]:80"),
        ("admin.listen", "0.0.0.0:9"),
        ("log.format", "human"),
        ("log.level", "warn,vestibule::audit=info"),
        ("redis.prefix", "other"),
        ("mail.from", "other@example.com"),
        ("mail.ca_file", &path),
        ("redis.ca_file", &path),
        ("candidate.ws_url_template", "wss://r.example.com/{session_id}"),
        ("candidate.after_start_url", "https://r.example.com/{session_id}"),
        ("candidate.devices", "optional"),
        ("accounts.common_passwords", "allow"),
        ("http.body_bytes_max", "65536"),
        ("http.head_bytes_max", "65536"),
        ("limits.otp_attempt.total_max", "99"),
        ("http.handler_timeout", "20s"),
        ("mail.retry_max", "40s"),
        ("mail.claim", "46s"),
        ("limits.otp_attempt.cooldown_max", "12h"),
    ];
    let alternatives = BTreeMap::from(alternatives);
    let before = format!("{:?}", load_with(None, &[]).unwrap());
    let mut seen = Vec::new();
    for key in Config::reference().into_iter().filter(|key| !key.name.starts_with("test_recipients.")) {
        // Those are looked at in `secrets_come_from_*`: Debug does not show them.
        if key.secret || key.name.ends_with("url_file") || key.name.ends_with("keys_file") {
            continue;
        }
        // Twice as much of anything else is within the range of each.
        let value = match (alternatives.get(key.name.as_str()), key.default) {
            (Some(value), _) => (*value).to_owned(),
            (None, Some("0")) => "2".to_owned(),
            (None, Some(default)) => {
                let digits = default.find(|c: char| !c.is_ascii_digit());
                let (number, unit) = default.split_at(digits.unwrap_or(default.len()));
                format!("{}{unit}", number.parse::<u32>().unwrap() + 1)
            }
            (None, None) => panic!("{} has no other value here", key.name),
        };
        let config = load_with(None, &[(&key.environment, &value)]).unwrap();
        let after = format!("{config:?}");
        assert!(!seen.contains(&after) && after != before, "{}", key.name);
        seen.push(after);
    }
    assert!(seen.len() > 40, "{}", seen.len());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let file = TempFile::new("[http]\nworkers = 3\nconnections_max = 0x10\n");
    let env = [("VESTIBULE_HTTP__WORKERS", "4")];
    let config = load_with(Some(&file.0), &env).unwrap();
    assert_eq!(config.http.workers, 4);
    assert_eq!(config.http.connections_max, 16);
    assert_eq!(config.http.body_bytes_max, 32_768);
}

#[test]
fn secrets_come_from_the_environment_and_hide_in_debug() {
    let config = load_with(None, &[]).unwrap();
    assert!(config.redis.url.login.password.as_ref().is_some_and(|password| password.contains("hunter2")));
    assert!(config.postgres.url.get_password().is_some_and(|password| password.starts_with(b"hunter2")));
    let super::MailUrl::Relay(relay) = &config.mail.url else { panic!("{:?}", config.mail.url) };
    assert!(relay.credentials.as_ref().is_some_and(|login| login.password.contains("hunter2")));
    let debug = format!("{config:#?} {config:?}");
    for telltale in TELLTALES.into_iter().chain(["114, 114", "106, 106"]) {
        assert!(!debug.contains(telltale), "{debug}");
    }
    assert!(debug.contains("RedisUrl(") && debug.contains("id: \"k1\""));
}

#[test]
fn secrets_come_from_files() {
    let url = TempFile::new("redis://127.0.0.1:7000\n");
    let pg = TempFile::new("host=/run/pg user=app\r\n");
    let mail = TempFile::new("smtp://127.0.0.1:25?tls=none");
    let root = TempFile::new(&format!("{ROOT}\n{OTHER}\n"));
    let unpadded = JWT.trim_end_matches('=');
    let jwt = TempFile::new(&format!("{unpadded}, x1:{}\n", "-_".repeat(22)));
    let pepper = TempFile::new(&format!("p1:{}\np2:{}\n", "ab".repeat(22), "cd".repeat(22)));
    let env = [
        ("VESTIBULE_SECRETS__PEPPER_KEYS_FILE", &*pepper.path()),
        ("", "VESTIBULE_REDIS__URL"),
        ("", "VESTIBULE_POSTGRES__URL"),
        ("", "VESTIBULE_MAIL__URL"),
        ("", "VESTIBULE_SECRETS__ROOT_KEYS"),
        ("", "VESTIBULE_SECRETS__JWT_KEYS"),
        ("VESTIBULE_REDIS__URL_FILE", &url.path()),
        ("VESTIBULE_POSTGRES__URL_FILE", &pg.path()),
        ("VESTIBULE_MAIL__URL_FILE", &mail.path()),
        ("VESTIBULE_SECRETS__ROOT_KEYS_FILE", &root.path()),
        ("VESTIBULE_SECRETS__JWT_KEYS_FILE", &jwt.path()),
    ];
    let config = load_with(None, &env).unwrap();
    assert_eq!(config.redis.url.place(), "127.0.0.1:7000");
    assert_eq!(config.postgres.url.get_user(), Some("app"));
    assert!(matches!(config.mail.url, super::MailUrl::Relay(relay) if relay.port == 25));
    let ids = |keys: &[super::NamedKey]| keys.iter().map(|k| k.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&config.secrets.root_keys), ["k1", "x1"]);
    assert_eq!(ids(&config.secrets.pepper_keys), ["p1", "p2"]);
    assert_eq!(ids(&config.secrets.jwt_keys), ["j1", "x1"]);
    assert_eq!(config.secrets.jwt_keys[1].bytes.len(), 33);
}

#[test]
fn a_later_layer_wins_over_a_secret_in_another_form() {
    let url = TempFile::new("redis://file.example.com\n");
    let file = TempFile::new(&format!("[redis]\nurl_file = {:?}\n", url.path()));
    let config = load_with(Some(&file.0), &[]).unwrap();
    assert!(config.redis.url.login.password.is_some());

    let file = TempFile::new("[redis]\nurl = \"redis://plain.example.com\"\n");
    let path = url.path();
    let env = [("", "VESTIBULE_REDIS__URL"), ("VESTIBULE_REDIS__URL_FILE", &*path)];
    let config = load_with(Some(&file.0), &env).unwrap();
    assert_eq!(config.redis.url.place(), "file.example.com:6379");

    let text = refused(None, &[("VESTIBULE_REDIS__URL_FILE", &*path)]);
    assert_eq!(text, "redis.url_file: stands beside redis.url (from VESTIBULE_REDIS__URL_FILE); keep one of the two");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let file = TempFile::new(
        "[http]\nlisten = \"localhost\"\nworkers = \"two\"\nidle_timeout = 75\nlsten = 1\n\
         [log]\nlevel = \"inof\"\nformat = true\n[redis]\nurl = 6379\n",
    );
    let env = [
        ("VESTIBULE_HTTP__BODY_TIMEOUT", "10 parsecs"),
        ("VESTIBULE_TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("VESTIBULE_REDIS__PARTITIONS", "257"),
        ("VESTIBULE_MAIL__URL", "capture:"),
        ("VESTIBULE_REDIS_PREFIX", "vb"),
        ("VESTIBULE_TEST_ONLY", "is reserved"),
        ("VESTIBULE_CLOCK", "is reserved"),
        ("VESTIBULE_CONFIG", "is reserved"),
        ("VESTIBULE_SERVICE_HOST", "10.0.0.1"),
        ("VESTIBULE_PORT", "tcp://10.0.0.1:80"),
        ("VESTIBULE_PORT_80_TCP_ADDR", "10.0.0.1"),
    ];
    let env: Vec<_> = env.into_iter().chain(REQUIRED.into_iter().skip(4)).collect();
    let errors = load(Some(&file.0), &env, Mode::Production).unwrap_err();
    let expected = [
        r#"public_url: is required, and nowhere set; write the origin of every link that is mailed, as "https://interviews.example.com""#,
        r#"trusted_proxies: "proxy" is not a network (from VESTIBULE_TRUSTED_PROXIES); write a network or an address, as "10.0.0.0/8" or "192.0.2.7""#,
        r#"http.listen: "localhost" is not an address to listen on (from FILE, line 2); write an IP address and a port, as "127.0.0.1:8080", "0.0.0.0:8080" or "[::]:8080""#,
        r"http.workers: is a string, not an integer (from FILE, line 3); write 0",
        r#"http.idle_timeout: is an integer, not a string (from FILE, line 4); write "75s""#,
        r#"http.body_timeout: "10 parsecs" is not a duration (from VESTIBULE_HTTP__BODY_TIMEOUT); write a number with ms, s, m, h or d, as "10s""#,
        r#"log.format: is a boolean, not a string (from FILE, line 8); write "json""#,
        r#"log.level: "inof" is not a level (from FILE, line 7); write off, error, warn, info, debug or trace, or by module, as "info,vestibule=debug""#,
        r#"redis.url: is an integer, not a string (from FILE, line 10); write "redis://127.0.0.1:6379""#,
        r#"redis.partitions: "257" is out of range (from VESTIBULE_REDIS__PARTITIONS); write 1 to 256"#,
        r#"postgres.url: is required, and nowhere set; write where Postgres is, and how to log in, as "postgres://vestibule@127.0.0.1:5432/vestibule", or name its file in postgres.url_file"#,
        r"mail.url: the value captures mail instead of sending it, which is for development mode (from VESTIBULE_MAIL__URL); write smtps://user:password@host:465, smtp://host:587?tls=required or smtp://host:25?tls=none",
        r"http.lsten: is not a key (from FILE, line 5); did you mean http.listen?",
        r"redis_prefix: is not a key (from VESTIBULE_REDIS_PREFIX); did you mean VESTIBULE_REDIS__PREFIX?",
    ];
    let expected = expected.join("\n").replace("FILE", &file.path());
    let expected = expected.replace(&format!("URL_{}", file.path()), "URL_FILE");
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn unknown_keys_are_told_what_they_might_be() {
    for (line, expected) in [
        (
            "nonsense.for_nobody = 1",
            "is not a key (from FILE, line 1); remove it; config/vestibule.toml has all that there are",
        ),
        ("http = 1", "is a section, not a key (from FILE, line 1); write the keys in it"),
        ("mail.ulr_file = 'x'", "is not a key (from FILE, line 1); did you mean mail.url_file?"),
        ("limits.otp_request.max.x = 1", "is not a key (from FILE, line 1); did you mean limits.otp_request.max?"),
    ] {
        let file = TempFile::new(line);
        let text = refused(Some(&file.0), &[]);
        let key = line.split(' ').next().unwrap();
        assert_eq!(text, format!("{key}: {}", expected.replace("FILE", &file.path())));
    }
    let text = refused(None, &[("VESTIBULE_http__LISTEN", "x")]);
    assert!(text.ends_with("did you mean VESTIBULE_HTTP__LISTEN?"), "{text}");
}

#[test]
fn a_file_that_is_not_toml_is_told_by_line() {
    let file = TempFile::new("[mail]\nurl = \"smtps://a:hunter2@x\nfrom = 'x'\n[http\n");
    let text = refused(Some(&file.0), &[]);
    let start = format!("the file: is not TOML: invalid basic string, expected `\"` (from {}, line 2)", file.path());
    assert!(text.starts_with(&start), "{text}");
    assert!(text.contains("line 4); correct that line"), "{text}");

    let text = refused(Some(Path::new("/nowhere/at/all.toml")), &[]);
    assert!(text.starts_with("the file: cannot be read: "), "{text}");
    let text = refused(Some(Path::new("/dev/zero")), &[]);
    assert!(text.contains("larger than 64 KiB"), "{text}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (env, key) in [
        (
            ("VESTIBULE_HTTP__BODY_TIMEOUT", "15s"),
            "http.handler_timeout: \"15s\" is not longer than http.body_timeout, \"15s\" (the default)",
        ),
        (
            ("VESTIBULE_MAIL__CLAIM", "30s"),
            "mail.claim: \"30s\" is not longer than mail.send_timeout, \"30s\" (from VESTIBULE_MAIL__CLAIM)",
        ),
        (("VESTIBULE_MAIL__RETRY_MIN", "29s"), "mail.retry_max: \"28s\" is shorter than"),
        (("VESTIBULE_LIMITS__OTP_REQUEST__APART", "10m"), "limits.otp_request.apart: \"10m\" is not shorter than"),
        (("VESTIBULE_LIMITS__OTP_ATTEMPT__COOLDOWN", "25h"), "limits.otp_attempt.cooldown_max: \"1d\" is shorter than"),
        (("VESTIBULE_LIMITS__OTP_ATTEMPT__TOTAL_MAX", "2"), "limits.otp_attempt.total_max: \"2\" is less than"),
        (("VESTIBULE_LIMITS__OTP_REQUEST__MAX", "21"), "limits.otp_request.max: \"21\" is out of range"),
        (("VESTIBULE_LIMITS__OTP_ATTEMPT__MAX", "0"), "limits.otp_attempt.max: \"0\" is out of range"),
        (("VESTIBULE_LIMITS__LOGIN_ACCOUNT__WAIT", "61m"), "limits.login_account.wait_max: \"1h\" is shorter than"),
        (("VESTIBULE_LIMITS__LOGIN_IP__MAX", "201"), "limits.login_ip.max: \"201\" is out of range"),
        (("VESTIBULE_ACCOUNTS__HASH_MEMORY", "7"), "accounts.hash_memory: \"7\" is out of range"),
        (("VESTIBULE_ACCOUNTS__PASSWORD_MIN", "5"), "accounts.password_min: \"5\" is out of range"),
        (("VESTIBULE_ADMIN__LISTEN", "127.0.0.1:8080"), "admin.listen: \"127.0.0.1:8080\" is http.listen, too"),
    ] {
        let text = refused(None, &[env]);
        assert!(text.starts_with(key) && text.lines().count() == 1, "{text}");
    }
    let lives = [("VESTIBULE_SESSIONS__ACCESS_LIFE", "2h"), ("VESTIBULE_SESSIONS__REFRESH_LIFE", "1h")];
    let text = refused(None, &lives);
    assert!(text.starts_with("sessions.refresh_life: \"1h\" is shorter than sessions.access_life, \"2h\""), "{text}");
    let lanes = [("VESTIBULE_ACCOUNTS__HASH_LANES", "4"), ("VESTIBULE_ACCOUNTS__HASH_MEMORY", "31")];
    let text = refused(None, &lanes);
    assert!(text.starts_with("accounts.hash_memory: \"31\" is less than 32, which 4 lanes need"), "{text}");
    // What was refused has no value that could contradict another's.
    let bad = ("VESTIBULE_HTTP__BODY_TIMEOUT", "x");
    let short = ("VESTIBULE_HTTP__HANDLER_TIMEOUT", "5s");
    assert_eq!(refused(None, &[bad, short]).lines().count(), 1);
}

#[test]
fn keys_that_are_none_are_refused_without_being_shown() {
    let base64 = &ROOT[3..];
    for (value, what) in [
        (base64.to_owned(), "entry 1 has no id"),
        (format!("{ROOT},k 2:{base64}"), "entry 2 has an id that is not"),
        ("k1:cnJycnJy".to_owned(), "entry 1 has fewer than 32 bytes"),
        (format!("{ROOT}*"), "entry 1 is not base64"),
        (format!("{ROOT},{ROOT}"), "has two keys of the same id"),
        (String::new(), "is an empty list"),
        (JWT.replace("j1", "k1"), "a key of secrets.root_keys stands here, too"),
        ((0..9).map(|i| format!("k{i}:{base64}\n")).collect(), "has 9 keys"),
    ] {
        let text = refused(None, &[("VESTIBULE_SECRETS__ROOT_KEYS", &value)]);
        assert!(text.contains(what) && text.lines().count() == 1, "{text}");
    }
    for (value, what) in [
        (OTHER.replace("x1", "x12345678"), "entry 1 has an id that is not 1 to 8 of"),
        (ROOT.to_owned(), "a key of secrets.root_keys stands here, too"),
        (format!("{OTHER},{}", JWT.replace("j1", "p1")), "a key of secrets.jwt_keys stands here, too"),
        ("p1:cnJycnJy".to_owned(), "entry 1 has fewer than 32 bytes"),
    ] {
        let text = refused(None, &[("VESTIBULE_SECRETS__PEPPER_KEYS", &value)]);
        assert!(text.contains(what) && text.lines().count() == 1, "{text}");
    }
    for name in ["REDIS__URL", "POSTGRES__URL", "MAIL__URL"] {
        let name = format!("VESTIBULE_{name}");
        let text = refused(None, &[(&name, "gopher://a:hunter2@x")]);
        assert!(text.contains(": the value is not a"), "{text}");
    }
}

#[test]
fn a_candidate_is_led_to_a_web_page_and_nowhere_else() {
    let env = |value| [("VESTIBULE_CANDIDATE__AFTER_START_URL", value)];
    for url in ["https://r.example.com/a?s={session_id}#/b", "HTTP://[::1]:80/", "/room/{session_id}", "/"] {
        let config = load_with(None, &env(url)).unwrap();
        assert_eq!(config.candidate.after_start_url.as_deref(), Some(url));
    }
    for (url, what) in [
        ("javascript:alert(1)", "is neither an http or https URL nor a path"),
        ("javascript://x/%0aalert(1)", "is neither"),
        ("data:text/html,x", "is not a URL"),
        ("//evil.example.com/", "is neither"),
        ("room/x", "is not a URL"),
        ("r.example.com", "is neither"),
        ("*", "is neither"),
        ("https://", "is not a URL"),
        ("https://a:hunter2@r.example.com/", "has a user or a password"),
        ("/\\evil.example.com", "has a space, a control character or a backslash"),
        ("/\t/evil.example.com", "has a space, a control"),
        ("/room/{sessionId}", "has a brace that is not {session_id}"),
    ] {
        let text = load_with(None, &env(url)).unwrap_err().to_string();
        assert!(text.contains(what) && text.lines().count() == 1, "{url}: {text}");
    }
    let text = refused(None, &[("VESTIBULE_CANDIDATE__DEVICES", "none")]);
    assert!(text.contains("\"none\" is not a choice") && text.contains("\"required\" or \"optional\""), "{text}");
}

#[test]
fn accounts_are_read_where_nothing_else_is_right() {
    let accounts = |env: &[(&str, &str)]| {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Config::load_accounts(None, &mut env.iter().map(owned))
    };
    assert_eq!(accounts(&[]).unwrap().hash_memory, 19_456);
    let given = [("VESTIBULE_ACCOUNTS__HASH_MEMORY", "64"), ("VESTIBULE_HTTP__LISTEN", "nowhere")];
    assert_eq!(accounts(&given).unwrap().hash_memory, 64);
    let text = accounts(&[("VESTIBULE_ACCOUNTS__HASH_MEMROY", "64")]).unwrap_err().to_string();
    assert!(text.contains("did you mean VESTIBULE_ACCOUNTS__HASH_MEMORY?") && text.lines().count() == 1, "{text}");
}

#[test]
fn mail_may_be_captured_in_development_only() {
    let env = REQUIRED.map(|(name, value)| match name {
        "VESTIBULE_MAIL__URL" => (name, "capture:"),
        _ => (name, value),
    });
    assert!(load(None, &env, Mode::Development).is_ok());
    assert!(load(None, &env, Mode::Production).is_err());
}

#[test]
fn nothing_secret_has_a_default_in_development_either() {
    let text = load(None, &[], Mode::Development).unwrap_err().to_string();
    assert_eq!(text.lines().count(), REQUIRED.len(), "{text}");
    assert!(text.contains("secrets.root_keys: is required"), "{text}");
}

#[test]
fn the_organisation_has_a_name() {
    let from = |from| load_with(None, &[("VESTIBULE_MAIL__FROM", from)]).unwrap();
    assert_eq!(from("x@mail.example.com").organisation, "mail.example.com");
    assert_eq!(from("\"A, B\" <x@example.com>").organisation, "A, B");
}

#[test]
fn networks_may_be_addresses() {
    let config = load_with(None, &[("VESTIBULE_TRUSTED_PROXIES", "192.0.2.7, ::1,10.1.2.3/8")]);
    let networks = config.unwrap().trusted_proxies;
    let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["192.0.2.7/32", "::1/128", "10.0.0.0/8"]);
    let text = refused(None, &[("VESTIBULE_TRUSTED_PROXIES", "::ffff:10.0.0.0/104")]);
    assert!(text.contains("is IPv4 written as IPv6"), "{text}");
}
