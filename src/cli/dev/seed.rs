//! What development mode shows: an interview to go into, and the way through.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::cli::Failure;
use crate::config::Config;
use crate::fault::Fault;
use crate::interviews::{Interviews, NewInterview};
use crate::link::LinkToken;
use crate::node::Addresses;
use crate::postgres::Postgres;

const CANDIDATE: &str = "ada@example.com";

/// The demo interview's link: the last run's where it still works, else a new one. Only
/// development mode keeps a link, in its own folder, for its own candidate.
pub(super) async fn demo_link(config: &Config, folder: &Path, postgres: &Postgres) -> Result<LinkToken, Failure> {
    let path = folder.join("demo_link");
    let interviews = Interviews::new(postgres.clone());
    let kept = fs::read_to_string(&path).ok().and_then(|text| LinkToken::parse(text.trim()));
    if let Some(link) = kept
        && interviews.is_usable(&link).await?
    {
        return Ok(link);
    }
    let interview = NewInterview {
        candidate_name: "Ada Lovelace".to_owned(),
        candidate_email: CANDIDATE.to_owned(),
        position: "Analyst".to_owned(),
        duration_minutes: 60,
    };
    let created = interviews
        .create(interview, LinkToken::fresh(), None, config.candidate.link_life)
        .await
        .map_err(|fault: Fault| Failure::from(fault))?;
    let mut options = fs::OpenOptions::new();
    let written = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
    written
        .and_then(|mut file| file.write_all(created.link.expose().as_bytes()))
        .map_err(|error| Failure::unavailable(format!("{}: {error}", path.display())))?;
    Ok(created.link)
}

/// Of the member of the walk: nobody's.
const PASSWORD: &str = "correct horse battery";

/// The lines that a newcomer copies.
pub(super) fn walk_through(addresses: Addresses, link: &LinkToken, redis_cli: &str, postgres_url: &str) -> String {
    let Addresses { public, admin } = addresses;
    let token = link.expose();
    format!(
        r#"
Vestibule is up. Ctrl-C stops it.

  join link      http://{public}/interview/join/{token}
  captured mail  http://{admin}/dev/mail
  members        http://{public}/signup   /login   /account
  health         http://{admin}/readyz   metrics http://{admin}/metrics
  redis          {redis_cli}
  postgres       psql '{postgres_url}'

Open the join link in a browser and go in as Ada: her code is in the captured mail.
The same from another terminal:

  LINK=http://{public}/candidate-access/{token}
  curl -s $LINK/info; echo
  curl -s -X POST $LINK/request-otp; echo
  sleep 1; CODE=$(curl -s 'http://{admin}/dev/mail.json?to={CANDIDATE}' | grep -oE '"subject":"[0-9]{{6}}' | head -1 | grep -oE '[0-9]{{6}}'); echo $CODE
  SESSION=$(curl -s -H 'Content-Type: application/json' -d "{{\"otp\":\"$CODE\"}}" $LINK/verify-otp | sed 's/.*"sessionToken":"\([^"]*\)".*/\1/'); echo $SESSION
  curl -s -X POST -H "x-session-token: $SESSION" $LINK/start; echo

Sign up as a member, and come back, in a browser or here:

  API=http://{public}
  curl -s -H 'Content-Type: application/json' -d '{{"username":"grace","email":"grace@example.com","password":"{PASSWORD}"}}' $API/auth/signup; echo
  ACCESS=$(curl -s -H 'Content-Type: application/json' -d '{{"login":"grace","password":"{PASSWORD}"}}' $API/auth/login | sed 's/.*"accessToken":"\([^"]*\)".*/\1/'); echo $ACCESS
  curl -s -H "Authorization: Bearer $ACCESS" $API/auth/me; echo
  curl -s -H 'Content-Type: application/json' -d '{{"email":"grace@example.com"}}' $API/auth/forgot-password; echo

Make Grace a recruiter, and invite Bob as she would:

  (. .vestibule/env; {program} user role grace recruiter)
  curl -s -H "Authorization: Bearer $ACCESS" -H 'Content-Type: application/json' -d '{{"candidateName":"Bob","candidateEmail":"bob@example.com","position":"Engineer","durationMinutes":45}}' $API/interviews; echo
  curl -s -H "Authorization: Bearer $ACCESS" $API/interviews; echo

All of the API: http://{public}/docs

Invite somebody as an operator, and look at a link:

  . .vestibule/env
  {program} invite --name Bob --email bob@example.com --position Engineer --mail
  {program} explain http://{public}/interview/join/{token}
"#,
        token = *token,
        program = std::env::args().next().unwrap_or_else(|| "vestibule".to_owned()),
    )
}
