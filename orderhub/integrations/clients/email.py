"""A mail server: one plain text, with a file or without, to one of our own people, by SMTP with Django's own backend."""

from __future__ import annotations

import smtplib
import time
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.integrations.clients.base import Client
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.http import write_calls
from orderhub.integrations.models import Call, Connection

#: A mail server that says nothing for so long is taken for gone.
SECONDS = 15
FILES = {".csv": "text/csv", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class Email(Client):
    """The host is that of base_url; app_key is the user. Options: port, sender, security (tls, ssl or none). Secret: app_secret.

    RFC 5321: 4xx may be tried again, 5xx is a refusal; a connection that ends after the text was handed over leaves the
    outcome unknown.
    """

    platform = "email"

    def send(self, address: str, subject: str, text: str, number: str, attached: Path | None = None) -> None:
        """One mail; PlatformError otherwise. `number` becomes its Message-ID."""
        if self.connection.state == Connection.State.DISABLED:
            raise PlatformError("configuration", "disabled", _("This connection is switched off."))
        started, clock = timezone.now(), time.monotonic()
        problem: PlatformError | None = None
        try:
            self._send(address, subject, text, number, attached)
        except PlatformError as error:
            problem = error
            raise
        finally:
            write_calls([
                Call(
                    connection_id=self.connection.pk, platform=self.platform, method="SMTP", started_at=started,
                    ms=int((time.monotonic() - clock) * 1000), outcome=problem.kind if problem else Call.Outcome.OK,
                    code=problem.code if problem else "", message=problem.message[:500] if problem else "",
                    request=f"{number} · {len(text)}",
                )
            ])  # fmt: skip

    def _send(self, address: str, subject: str, text: str, number: str, attached: Path | None) -> None:
        host, sender = urlsplit(self.base_url).hostname or "", str(self.option("sender"))
        security = str(self.option("security", "tls"))
        mail = EmailMessage(
            " ".join(subject.split())[:200], text, sender, [address],
            headers={"Message-ID": f"<{number}@{sender.rpartition('@')[2] or host}>", "Date": formatdate(localtime=True)},
        )  # fmt: skip
        if attached is not None:
            mail.attach(
                attached.name, attached.read_bytes(), FILES.get(attached.suffix, "application/octet-stream")
            )
        server = EmailBackend(
            host=host, port=int(self.option("port", 465 if security == "ssl" else 587)), username=self.connection.app_key,
            password=str(self.connection.secrets.get("app_secret", "")), use_tls=security == "tls",
            use_ssl=security == "ssl", timeout=SECONDS, fail_silently=False,
        )  # fmt: skip
        try:
            server.open()
        except smtplib.SMTPAuthenticationError as error:
            raise PlatformError(
                "configuration", str(error.smtp_code), _("The mail server refuses user or password.")
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise PlatformError(
                "configuration", "security", _("The mail server can't do this security.")
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise PlatformError(
                "retry", type(error).__name__, _("The mail server can't be reached."), 60.0
            ) from error
        try:
            server.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise _refusal(code, _("The mail server refuses the address.")) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, _("The mail server refuses the mail.")) from error
        except (OSError, smtplib.SMTPException) as error:
            raise PlatformError(
                "unknown", type(error).__name__, _("The mail server went away in mid-mail.")
            ) from error
        finally:
            server.close()


def _refusal(code: int, text: str) -> PlatformError:
    return PlatformError(
        "retry" if 400 <= code < 500 else "business", str(code), text, 60.0 if code < 500 else None
    )
