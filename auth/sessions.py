"""Sessions: open one, renew its tokens by a refresh token that works once, end one or all of a user."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from auth import denylist
from auth.errors import AuthError, bad_token
from auth.models import Session, User
from auth.revocation import Revoked, revoke_on_commit
from auth.tokens import RefreshClaims, SignedToken, new_access_token, new_refresh_token, read_refresh_token
from auth.validation import clean_device
from foundation.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a login or refresh: two secrets, their ends in UTC, and their user."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime
    user: User


def open_session(user: User, device: str) -> Tokens:
    """Open a session inside the caller's transaction. Ends the longest unused ones above SESSIONS_PER_USER."""
    _make_room(user)
    session_id = uuid.uuid4()
    refresh_token = new_refresh_token(user.pk, str(session_id))
    Session.objects.create(
        id=session_id,
        user=user,
        refresh_id=refresh_token.token_id,
        expires_at=refresh_token.expires_at,
        device=clean_device(device),
    )
    return _tokens(user, str(session_id), refresh_token)


def refresh(refresh_token: object) -> Tokens:
    """Exchange a refresh token for a new pair; the old one no longer works.

    Raises AuthError(UNAUTHENTICATED). A token that was exchanged before has two holders, and nobody can tell which of
    them is the thief: its whole session ends (RFC 9700 section 4.14.2).
    """
    claims = read_refresh_token(refresh_token)
    renewed = new_refresh_token(claims.user_id, claims.session_id)
    with transaction.atomic():
        if _rotate(_live(claims).filter(refresh_id=claims.token_id), renewed):
            user = User.objects.get(pk=claims.user_id)
            if not user.is_active:
                raise bad_token()
            return _tokens(user, claims.session_id, renewed)
    _end_if_reused(claims)
    raise bad_token()


def logout(refresh_token: object, everywhere: bool = False) -> bool:
    """End the token's session, or with `everywhere` all sessions of its user; False when it had ended before.

    Raises AuthError(UNAUTHENTICATED) for a bad token, and as `refresh` does for one that was exchanged before.
    """
    claims = read_refresh_token(refresh_token)
    current = _live(claims).filter(refresh_id=claims.token_id)
    with transaction.atomic():
        if not everywhere:
            ended = _end(current, claims)
        elif ended := current.exists():
            end_all_sessions(locked_user(claims.user_id))
    if not ended and _end_if_reused(claims):
        raise bad_token()
    return ended


def is_current(refresh_token: object) -> bool:
    """Whether a refresh token would be exchanged now. Raises AuthError(UNAUTHENTICATED) for a bad token."""
    claims = read_refresh_token(refresh_token)
    return _live(claims).filter(refresh_id=claims.token_id).exists()


def locked_user(user_id: int) -> User:
    """The user, with the row locked for the caller's transaction. Raises AuthError(NOT_FOUND).

    All services lock the user before any session.
    """
    try:
        # Not FOR UPDATE, so that rows that point at the user can be inserted meanwhile.
        return User.objects.select_for_update(no_key=True).get(pk=user_id)
    except User.DoesNotExist:
        raise AuthError(ErrorCode.NOT_FOUND, "There is no such user.") from None


def end_all_sessions(user: User, spare: str | None = None) -> None:
    """End all tokens of the user, by a new epoch, and all sessions but `spare` (an id).

    The user comes from `locked_user`; `is_active` and `password` are saved with the epoch.
    """
    now = timezone.now()
    user.token_epoch += 1
    user.token_epoch_at = now
    user.save(update_fields=["token_epoch", "token_epoch_at", "is_active", "password"])
    sessions = Session.objects.filter(user_id=user.pk, revoked_at=None)
    if spare is not None:
        sessions = sessions.exclude(pk=spare)
    sessions.update(revoked_at=now)
    revoke_on_commit(Revoked(user.pk, None, user.token_epoch))


def renew_session(user: User, session_id: str) -> Tokens:
    """A new pair of tokens for a live session, without its refresh token. Raises AuthError(UNAUTHENTICATED)."""
    refresh_token = new_refresh_token(user.pk, session_id)
    if not _rotate(Session.objects.filter(pk=session_id, user_id=user.pk, revoked_at=None), refresh_token):
        raise bad_token()
    return _tokens(user, session_id, refresh_token)


def _live(claims: RefreshClaims) -> models.QuerySet[Session]:
    return Session.objects.filter(
        pk=claims.session_id, user_id=claims.user_id, revoked_at=None, expires_at__gt=timezone.now()
    )


def _rotate(sessions: models.QuerySet[Session], refresh_token: SignedToken) -> bool:
    # One UPDATE decides a race: the second one waits for the row, checks its WHERE again and finds another id.
    # Without a join: PostgreSQL would check the joined rows against the old snapshot, and both would win.
    rotated = sessions.update(
        refresh_id=refresh_token.token_id, expires_at=refresh_token.expires_at, last_used_at=timezone.now()
    )
    return rotated == 1


def _end(sessions: models.QuerySet[Session], claims: RefreshClaims) -> bool:
    if not sessions.update(revoked_at=timezone.now()):
        return False
    revoke_on_commit(Revoked(claims.user_id, frozenset({claims.session_id})))
    return True


def _end_if_reused(claims: RefreshClaims) -> bool:
    with transaction.atomic():
        exchanged = _live(claims).exclude(refresh_id=claims.token_id)
        return _end(exchanged, claims)


def _make_room(user: User) -> None:
    now = timezone.now()
    sessions = Session.objects.filter(user_id=user.pk)
    # A revoked session is kept while its tokens could live: a rebuild of the deny-list reads it.
    no_longer_denied = now - timedelta(seconds=denylist.entry_seconds())
    sessions.filter(models.Q(expires_at__lt=now) | models.Q(revoked_at__lt=no_longer_denied)).delete()
    live = sessions.filter(revoked_at=None).order_by("-last_used_at")
    surplus = list(live.values_list("pk", flat=True)[settings.SESSIONS_PER_USER - 1 :])
    if surplus:
        sessions.filter(pk__in=surplus).update(revoked_at=now)
        revoke_on_commit(Revoked(user.pk, frozenset(map(str, surplus))))


def _tokens(user: User, session_id: str, refresh_token: SignedToken) -> Tokens:
    access_token = new_access_token(user.pk, session_id, user.token_epoch)
    return Tokens(
        access_token=access_token.text,
        refresh_token=refresh_token.text,
        access_expires_at=access_token.expires_at,
        refresh_expires_at=refresh_token.expires_at,
        user=user,
    )
