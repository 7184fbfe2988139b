"""One HTTP API, declared: its description parsed, its pages fetched. Knows neither Django nor the database."""

from runs.connectors.address_guard import ALL_PRIVATE_HOSTS, NO_PRIVATE_HOSTS, AddressRefused, PrivateHosts
from runs.connectors.authorization_code import (
    Challenge,
    authorization_url,
    check_issuer,
    exchange_code,
)
from runs.connectors.bounds import Bounds
from runs.connectors.client import ApiClient, FetchedPage
from runs.connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    ExpressionFailed,
    MissingValue,
    PlaceholderError,
    RateLimited,
    RequestFailed,
    SpecError,
    UnknownCursor,
    UnknownMethod,
)
from runs.connectors.expressions import Expression
from runs.connectors.oauth2 import Grant, OAuth2
from runs.connectors.origins import origins
from runs.connectors.pause import Pause
from runs.connectors.placeholders import Placeholder, literal_text, located, placeholders_in, resolve, unresolved
from runs.connectors.receiver import Answer, ReceiverClient, check_name, check_target
from runs.connectors.redaction import (
    MASK,
    Redactor,
    has_known_form,
    is_secret_name,
    masked,
    masked_start,
    masked_value,
    masking,
    redact,
    redactor_at_work,
)
from runs.connectors.request import RequestPreview, RequestValues
from runs.connectors.signing import signature_headers
from runs.connectors.slices import Slices
from runs.connectors.spec import LONGEST_METHOD, LONGEST_RESOURCE, ApiSpec, MethodSpec, parse_integration
from runs.connectors.tokens import Token, TokenStore
from runs.connectors.trail import is_page_of
from runs.connectors.unified import Mappings, UnmappedRecord, layered, parse_mapping

__all__ = [
    "ALL_PRIVATE_HOSTS",
    "LONGEST_METHOD",
    "LONGEST_RESOURCE",
    "MASK",
    "NO_PRIVATE_HOSTS",
    "AddressRefused",
    "Answer",
    "ApiClient",
    "ApiSpec",
    "AuthenticationFailed",
    "Bounds",
    "Challenge",
    "ConnectorError",
    "Expression",
    "ExpressionFailed",
    "FetchedPage",
    "Grant",
    "Mappings",
    "MethodSpec",
    "MissingValue",
    "OAuth2",
    "Pause",
    "Placeholder",
    "PlaceholderError",
    "PrivateHosts",
    "RateLimited",
    "ReceiverClient",
    "Redactor",
    "RequestFailed",
    "RequestPreview",
    "RequestValues",
    "Slices",
    "SpecError",
    "Token",
    "TokenStore",
    "UnknownCursor",
    "UnknownMethod",
    "UnmappedRecord",
    "authorization_url",
    "check_issuer",
    "check_name",
    "check_target",
    "exchange_code",
    "has_known_form",
    "is_page_of",
    "is_secret_name",
    "layered",
    "literal_text",
    "located",
    "masked",
    "masked_start",
    "masked_value",
    "masking",
    "origins",
    "parse_integration",
    "parse_mapping",
    "placeholders_in",
    "redact",
    "redactor_at_work",
    "resolve",
    "signature_headers",
    "unresolved",
]
