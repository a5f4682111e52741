"""Every text of the pages, in Vietnamese and English. One key, both languages."""

import unicodedata

from connectors.contract import LOCALES, Locale

T = tuple[str, str]

TEXTS: dict[str, T] = {
    "skip": ("Chuyển đến nội dung chính", "Skip to the main content"),
    "language": ("Ngôn ngữ", "Language"),
    "tagline": (
        "Đăng nhập một lần, dùng cho mọi dịch vụ công của tỉnh",
        "Sign in once for every public service of the province",
    ),
    "footer": (
        "Hệ thống định danh và xác thực điện tử của tỉnh. Cán bộ không bao giờ hỏi mật khẩu hoặc "
        "mã xác thực của Quý vị.",
        "The province's electronic identity service. Officials will never ask for your password "
        "or your code.",
    ),
    "login.title": ("Đăng nhập", "Sign in"),
    "login.to": ("để tiếp tục đến", "to continue to"),
    "login.username": ("Tên đăng nhập", "User name"),
    "login.password": ("Mật khẩu", "Password"),
    "login.submit": ("Đăng nhập", "Sign in"),
    "cancel": ("Hủy và quay lại", "Cancel and go back"),
    "otp.title": ("Mã xác thực", "Verification code"),
    "otp.lead": (
        "Quý vị vui lòng nhập mã gồm 6 chữ số trong ứng dụng xác thực để tiếp tục đến",
        "Enter the 6-digit code from your authenticator app to continue to",
    ),
    "otp.field": ("Mã gồm 6 chữ số", "6-digit code"),
    "otp.submit": ("Xác nhận", "Confirm"),
    "consent.title": ("Đồng ý chia sẻ thông tin", "Share your information"),
    "consent.lead": (
        "muốn nhận những thông tin sau đây của Quý vị:",
        "would like to receive the following information about you:",
    ),
    "consent.host": ("Địa chỉ đã đăng ký", "Registered address"),
    "consent.note": (
        "Thông tin chỉ được chia sẻ khi Quý vị đồng ý.",
        "Nothing is shared unless you allow it.",
    ),
    "consent.allow": ("Đồng ý", "Allow"),
    "consent.deny": ("Không đồng ý", "Do not allow"),
    "scope.openid": (
        "Mã định danh riêng cho hệ thống này (không phải số định danh cá nhân)",
        "An identifier made for this system alone (not your personal number)",
    ),
    "scope.profile": ("Họ và tên, ngày sinh, giới tính", "Full name, date of birth, sex"),
    "scope.email": ("Địa chỉ thư điện tử", "E-mail address"),
    "scope.phone": ("Số điện thoại", "Phone number"),
    "scope.address": ("Địa chỉ", "Postal address"),
    "scope.offline_access": (
        "Được cập nhật thông tin trên khi Quý vị không trực tuyến",
        "To keep this information up to date while you are away",
    ),
    "scope.vn_identity": ("Số định danh cá nhân", "Personal identification number"),
    "scope.vn_business": ("Mã số thuế, mã số doanh nghiệp", "Tax code, enterprise code"),
    "scope.vn_staff": ("Mã cơ quan công tác", "Agency code"),
    "scope.other": ("Thông tin khác, thuộc phạm vi", "Other information, in the scope"),
    "claim.title": ("Nhận lại tài khoản cũ", "Claim your old account"),
    "claim.lead": (
        "Quý vị đăng nhập lần đầu bằng định danh điện tử vào hệ thống",
        "This is your first sign-in with your electronic identity to",
    ),
    "claim.explain": (
        "Nếu Quý vị đã có tài khoản tại đây, vui lòng nhập tên và mật khẩu cũ của hệ thống đó. "
        "Chỉ cần làm một lần; từ lần sau Quý vị không cần mật khẩu cũ nữa.",
        "If you already have an account there, enter its old name and old password. You do this "
        "once; after that the old password is not needed any more.",
    ),
    "claim.account": ("Tên tài khoản cũ", "Old account name"),
    "claim.password": ("Mật khẩu cũ", "Old password"),
    "claim.submit": ("Nhận lại tài khoản", "Claim the account"),
    "claim.stop": ("Dừng lại", "Stop"),
    "form_post.title": ("Đang chuyển tiếp", "Taking you there"),
    "form_post.lead": (
        "Nếu trang không tự chuyển, Quý vị vui lòng chọn nút bên dưới để đến",
        "If nothing happens, please use the button below to go to",
    ),
    "continue": ("Tiếp tục", "Continue"),
    "home.title": ("Cổng đăng nhập của tỉnh", "The province's sign-in"),
    "home.hello": ("Quý vị đang đăng nhập với tên", "You are signed in as"),
    "home.nobody": ("Quý vị chưa đăng nhập.", "You are not signed in."),
    "home.systems": ("Các hệ thống đã kết nối", "Connected systems"),
    "home.none": ("Chưa có hệ thống nào được kết nối.", "No system is connected yet."),
    "home.logout": ("Đăng xuất khỏi tất cả hệ thống", "Sign out of all systems"),
    "error.label": ("Không thực hiện được", "There is a problem"),
    "correlation": ("Mã tra cứu khi cần hỗ trợ", "Reference for support"),
    "error.wrong_credentials": (
        "Tên đăng nhập hoặc mật khẩu không đúng. Quý vị vui lòng kiểm tra và nhập lại.",
        "The user name or the password is not right. Please check and try again.",
    ),
    "error.wrong_otp": (
        "Mã không đúng, đã dùng hoặc đã hết hạn. Quý vị vui lòng chờ mã mới và nhập lại.",
        "The code is wrong, used or expired. Please wait for the next code and try again.",
    ),
    "error.wrong_proof": (
        "Không xác nhận được tài khoản cũ với tên và mật khẩu này. Nếu quên mật khẩu, Quý vị vui "
        "lòng liên hệ cơ quan quản lý hệ thống.",
        "The old account could not be confirmed with this name and password. If you forgot the "
        "password, please contact the agency that runs the system.",
    ),
    "error.verifier_unavailable": (
        "Hệ thống cũ hiện không trả lời. Quý vị vui lòng thử lại sau; chưa có gì thay đổi.",
        "The old system does not answer at the moment. Please try again later; nothing changed.",
    ),
    "error.too_many_attempts": (
        "Quý vị đã thử quá nhiều lần. Vui lòng chờ ít phút rồi thử lại.",
        "Too many attempts. Please wait a few minutes and try again.",
    ),
}

_NOTICES: dict[str, tuple[T, T]] = {
    "client_unknown": (
        ("Ứng dụng chưa được đăng ký", "Unknown application"),
        (
            "Ứng dụng đưa Quý vị đến đây chưa được đăng ký. Quý vị vui lòng quay lại và báo cho "
            "đơn vị quản lý ứng dụng.",
            "The application that sent you here is not registered. Please go back and tell the "
            "people who run it.",
        ),
    ),
    "redirect_uri_unknown": (
        ("Địa chỉ quay lại không hợp lệ", "The return address is not registered"),
        (
            "Để bảo vệ Quý vị, chúng tôi không chuyển đến địa chỉ chưa được đăng ký.",
            "To protect you, we never send you to an address that is not registered.",
        ),
    ),
    "post_logout_redirect_uri_unknown": (
        ("Địa chỉ sau đăng xuất không hợp lệ", "The address after sign-out is not registered"),
        (
            "Để bảo vệ Quý vị, chúng tôi không chuyển đến địa chỉ chưa được đăng ký.",
            "To protect you, we never send you to an address that is not registered.",
        ),
    ),
    "flow_unknown": (
        ("Phiên đăng nhập không còn hiệu lực", "This sign-in has expired"),
        (
            "Quý vị vui lòng quay lại hệ thống muốn sử dụng và bắt đầu đăng nhập lại.",
            "Please go back to the system you want to use and start again.",
        ),
    ),
    "invalid_request": (
        ("Yêu cầu không hợp lệ", "The request is not valid"),
        (
            "Quý vị vui lòng quay lại hệ thống muốn sử dụng và thử lại.",
            "Please go back to the system you want to use and try again.",
        ),
    ),
    "too_many_attempts": (
        ("Quá nhiều lần thử", "Too many attempts"),
        (
            "Quý vị vui lòng chờ ít phút rồi thử lại.",
            "Please wait a few minutes and try again.",
        ),
    ),
    "temporarily_unavailable": (
        ("Hệ thống đang bận", "The service is busy"),
        (
            "Quý vị vui lòng thử lại sau ít phút. Chưa có gì bị mất.",
            "Please try again in a few minutes. Nothing was lost.",
        ),
    ),
    "server_error": (
        ("Đã xảy ra lỗi", "Something went wrong"),
        (
            "Lỗi đã được ghi nhận. Quý vị vui lòng thử lại; khi cần hỗ trợ, xin cung cấp mã tra "
            "cứu dưới đây.",
            "The fault was recorded. Please try again; for support, tell us the reference below.",
        ),
    ),
    "not_found": (
        ("Không tìm thấy trang", "Page not found"),
        (
            "Trang Quý vị tìm không tồn tại.",
            "The page that you are looking for does not exist.",
        ),
    ),
    "no_account": (
        ("Quý vị chưa có tài khoản tại hệ thống này", "You have no account in this system yet"),
        (
            "Hệ thống này chỉ nhận các tài khoản đã được liên kết. Quý vị vui lòng liên hệ cơ quan "
            "quản lý hệ thống để được cấp hoặc liên kết tài khoản.",
            "This system admits linked accounts only. Please contact the agency that runs it to "
            "be given an account, or to have yours linked.",
        ),
    ),
    "assurance_not_reachable": (
        ("Cần mức xác thực cao hơn", "A higher level of assurance is needed"),
        (
            "Dịch vụ này yêu cầu xác thực hai bước, nhưng tài khoản của Quý vị chưa đăng ký bước "
            "thứ hai. Quý vị vui lòng liên hệ bộ phận hỗ trợ.",
            "This service asks for a second factor, and your account has none yet. Please contact "
            "support.",
        ),
    ),
    "access_denied": (
        ("Đã hủy", "Cancelled"),
        ("Quý vị đã hủy yêu cầu. Chưa có gì được chia sẻ.", "You cancelled. Nothing was shared."),
    ),
    "signed_out": (
        ("Quý vị đã đăng xuất", "You are signed out"),
        (
            "Phiên đăng nhập đã kết thúc. Các hệ thống sau đây đang được thông báo:",
            "Your session has ended. These systems are being told:",
        ),
    ),
    "signed_out_alone": (
        ("Quý vị đã đăng xuất", "You are signed out"),
        ("Phiên đăng nhập đã kết thúc.", "Your session has ended."),
    ),
    "logout_confirm": (
        ("Đăng xuất?", "Sign out?"),
        (
            "Quý vị sẽ đăng xuất khỏi tất cả hệ thống đã đăng nhập trong phiên này.",
            "You will be signed out of every system that you entered in this session.",
        ),
    ),
}
for _reason, (_title, _body) in _NOTICES.items():
    TEXTS[f"notice.{_reason}.title"] = _title
    TEXTS[f"notice.{_reason}.body"] = _body
REASONS = frozenset(_NOTICES)

_MAX_SHOWN = 200


def text(key: str, locale: Locale) -> str:
    """The text of a key in a language."""
    return TEXTS[key][LOCALES.index(locale)]


def scope_text(scope: str, locale: Locale) -> str:
    """What a scope opens, in plain words; a scope that a system made up is named as it is."""
    key = f"scope.{scope}"
    if key in TEXTS:
        return text(key, locale)
    return f"{text('scope.other', locale)}: {shown(scope)}"


def shown(value: str) -> str:
    """A value from outside, fit to be shown: no control or direction characters, capped."""
    kept = "".join(c for c in value if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs"))
    return kept if len(kept) <= _MAX_SHOWN else kept[:_MAX_SHOWN] + "…"
